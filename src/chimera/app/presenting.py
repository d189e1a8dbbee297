"""What every view of a rollout says alike, on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Sequence

from chimera.app.reports import LookView, RolloutView
from chimera.core.model import Judgement, Verdict
from chimera.core.state import Phase

WATCHED = frozenset({Phase.PROGRESSING, Phase.PROMOTING})
_WELL = frozenset({Phase.SUCCEEDED, Phase.RETIRING})
_BADLY = frozenset({Phase.ROLLED_BACK, Phase.ROLLING_BACK, Phase.CLEANUP_INCOMPLETE})


def outdated(view: RolloutView) -> bool:
    """Whether the canary's traffic may have gone back by itself since the rollout was recorded."""
    return bool(view.unattended and view.state.weight) and view.state.promoted_at is None


def judgement_of(view: RolloutView, looks: Sequence[LookView]) -> Judgement | None:
    """Return the judge's latest word, that of the last look if it is known."""
    return looks[-1].judgement if looks else view.state.judgement


def current(view: RolloutView, looks: Sequence[LookView]) -> Judgement | None:
    """Return the last look's judgement if it was made at the step and weight of now."""
    if not looks:
        return None
    last, state = looks[-1], view.state
    here = last.step == state.step and last.look.weight == state.weight
    return last.judgement if here else None


def verdict_of(phase: Phase, judgement: Judgement | None) -> Verdict | None:
    """Return the verdict to show in a phase; what a person decided has none."""
    if phase in _WELL:
        return Verdict.HEALTHY
    if phase in _BADLY:
        return Verdict.UNHEALTHY
    if phase in WATCHED and judgement is not None:
        return judgement.verdict
    return None
