"""What a person can usefully ask of a rollout now: the buttons of a page."""

from __future__ import annotations

from datetime import datetime

from chimera.core import events as e
from chimera.core.plan import RolloutPlan
from chimera.core.requests import answer_request
from chimera.core.state import Phase, State

_IN_ORDER: dict[str, type[e.AnyRequest]] = {
    "approve": e.ApproveRequested,
    "resume": e.ResumeRequested,
    "pause": e.PauseRequested,
    "promote": e.PromoteRequested,
    "revert": e.RevertRequested,
    "abort": e.AbortRequested,
    "retry": e.RetryRequested,
}
_AGAIN = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})


def offers(plan: RolloutPlan, state: State, now: datetime) -> tuple[str, ...]:
    """Return the requests that would be done now and change something, the likeliest first."""
    if state.phase in _AGAIN:
        return ("retry",)  # the same version once more, as a new rollout
    return tuple(verb for verb, kind in _IN_ORDER.items() if _helps(plan, state, kind, now))


def _helps(plan: RolloutPlan, state: State, kind: type[e.AnyRequest], now: datetime) -> bool:
    answer = answer_request(plan, state, kind(at=now))
    return not answer.refused and answer.state != state
