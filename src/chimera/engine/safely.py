"""The core's decisions, with a way out of a mistake in them: a rollout must never be stuck."""

from __future__ import annotations

import logging

from chimera.core.events import AnyEvent
from chimera.core.explain import explain
from chimera.core.moves import roll_back
from chimera.core.plan import Rollout
from chimera.core.rollout import advance
from chimera.core.state import BEFORE_COMMIT, Phase, State, Transition

log = logging.getLogger(__name__)


def safe_advance(rollout: Rollout, state: State, event: AnyEvent) -> Transition:
    """Return what `event` makes of `state`; an error in the rules rolls back if that can be."""
    try:
        return advance(rollout.plan, state, event)
    except Exception as error:
        log.exception("engine.rules_failed", extra={"rollout": rollout.id, "event": event.kind})
        reason = f"internal error, rolled back to be safe: {type(error).__name__}: {error}"
        if state.phase in BEFORE_COMMIT:
            return roll_back(state, Phase.ROLLED_BACK, reason)
        return Transition(state, answer=reason, refused=True, ignored=True)


def safe_explain(rollout: Rollout, before: State, event: AnyEvent, after: Transition) -> str:
    """Return the sentence for an event; an error in the words must not stop a rollout."""
    try:
        return explain(rollout, before, event, after)
    except Exception:
        log.exception("engine.words_failed", extra={"rollout": rollout.id, "event": event.kind})
        return after.answer or f"{event.kind}: the rollout is {after.state.phase.value}"
