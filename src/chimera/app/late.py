"""Answers to requests that come when a rollout is over: fulfilled already, or too late and why."""

from __future__ import annotations

from dataclasses import replace

from chimera.app.reports import Answer
from chimera.core import events as e
from chimera.core.plan import Rollout
from chimera.core.requests import answer_request
from chimera.core.state import Phase, State


def answer(rollout: Rollout, state: State, event: e.AnyRequest) -> Answer:
    """Answer a request to a rollout that nobody works on any more; does nothing."""
    # A cleanup that has given up leaves the phase open, but how the rollout ended is decided.
    ended = state if state.phase.final else replace(state, phase=state.ending or Phase.ROLLED_BACK)
    said = answer_request(rollout.plan, ended, event)
    left = "" if state.phase.final else f"; `chimera retry {rollout.id}` removes what is left"
    then = _again(rollout) if said.refused and isinstance(event, e.RevertRequested) else ""
    return Answer(f"{said.answer}{left}{then}", accepted=not said.refused)


def _again(rollout: Rollout) -> str:
    """Say how the version before comes back when it is gone."""
    if rollout.plan.install:
        return ""
    stable, service = rollout.stable, rollout.service.name
    image = f" --image {stable.image}" if stable.image else ""
    return f"; deploy {stable.name} again: chimera deploy {service} --version {stable.name}{image}"
