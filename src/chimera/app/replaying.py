"""Judging a recorded rollout again: what would another plan have said of the same looks?"""

from __future__ import annotations

from collections.abc import Sequence

from chimera.app.past import as_known
from chimera.app.reports import LookView, Replay, RolloutView
from chimera.core.analysis.skew import at_skew
from chimera.core.analysis.trace import rejudge, series, trace
from chimera.core.model import Judgement, Verdict
from chimera.core.plan import RolloutPlan
from chimera.core.words import duration
from chimera.store import LookRow


def replay(
    rollout: RolloutView, plan: RolloutPlan, rows: Sequence[LookRow], views: Sequence[LookView]
) -> Replay:
    """Return the verdicts under `plan` beside the recorded ones, and what would have changed."""
    recorded = rollout.rollout.plan.analysis
    skew_s = max((row.record.reading.skew_s for row in rows if row.record.reading), default=0.0)
    wanted = at_skew(as_known(plan.analysis, recorded), skew_s)
    looks = tuple((row.record.generation, row.record.look) for row in rows)
    again = rejudge(wanted, looks)
    before = _first_alarm([row.record.judgement for row in rows], views)
    now = _first_alarm([judgement for _, judgement in again], views)
    return Replay(
        rollout=rollout,
        plan=plan,
        looks=len(rows),
        verdicts=tuple(zip(views, (judgement for _, judgement in again), strict=True)),
        before=before,
        now=now,
        differs=before != now,
        evidence_before=trace(at_skew(recorded, skew_s), looks),
        evidence=series(wanted, [look for _, look in looks], again),
    )


def _first_alarm(judgements: Sequence[Judgement], views: Sequence[LookView]) -> str:
    if not judgements:
        return "nothing was judged: no look is recorded"
    for judgement, view in zip(judgements, views, strict=True):
        if judgement.verdict is Verdict.UNHEALTHY:
            into = duration(view.look.at - views[0].look.at)
            return (
                f"rolled back at look {view.number}, {into} after the first, "
                f"at {view.look.weight} %: {judgement.sentence}"
            )
    healthy = sum(1 for one in judgements if one.verdict is Verdict.HEALTHY)
    return (
        f"never found unhealthy in {len(judgements)} looks ({healthy} healthy, the rest undecided)"
    )
