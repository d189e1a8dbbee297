"""The guided way to a rollout: six questions, each with what was found and why not the rest.

draft: the answers so far, and what they make: a spec and a command. steps: the questions in their
order. offers: what can be chosen. finding: asks the ledger and platforms what there is. keeping:
drafts in the store, so that a refresh, another tab or another replica loses nothing. routes: pages.
"""
