"""This project's rule, by default or with the gate off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.batch import BatchJudge
from chimera.bench.judge.lessons import lessons
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Plan
from chimera.core.analysis.history import Lesson
from chimera.core.plan import AnalysisPlan
from chimera.core.spec.presets import PRESETS, Strategy


class Past(StrEnum):
    """What is known of how a service's failures cluster.

    known: what its earlier rollouts taught. none: this is the first one. calm: somebody swears that
    they are independent.
    """

    KNOWN = "known"
    NONE = "first rollout"
    CALM = "failures sworn independent"


class ChimeraRule:
    """The sequential judge with a strategy's settings; looks every `look_s` seconds."""

    def __init__(
        self,
        look_s: int = 1,
        *,
        gated: bool = True,
        warm_up_s: int = 30,
        strategy: Strategy = Strategy.CAREFUL,
        past: Past = Past.KNOWN,
    ) -> None:
        self.look_s = look_s
        self.gated = gated
        self.past = past
        self.warm_up = timedelta(seconds=warm_up_s)
        self.name = f"chimera {look_s} s"
        self.preset = PRESETS[strategy]
        self.name += "" if strategy is Strategy.CAREFUL else f", {strategy.value}"
        self.name += "" if past is Past.KNOWN else f", {past.value}"
        self.name += ("" if gated else ", fixed plan") + ("" if warm_up_s else ", no warm-up")

    def begin(self, match: Match) -> None:
        """Learn from the service's earlier rollouts, then start."""
        self.judge = BatchJudge(self.plan_for(match.plan), self._known(match), self.gated)

    def plan_for(self, plan: Plan) -> AnalysisPlan:
        """Return how the strategy judges the steps of a plan."""
        return AnalysisPlan(
            timedelta(seconds=self.look_s),
            (),
            timedelta(minutes=5),
            weights=plan.weights,
            warm_up=self.warm_up,
            slow_start=self.warm_up,
            alpha=self.preset.false_alarms,
            harm_budget=self.preset.harm_budget,
            error_tolerance=self.preset.error_tolerance,
            latency_tolerance=self.preset.latency_tolerance,
        )

    def _known(self, match: Match) -> Sequence[Lesson | None]:
        if self.past is Past.KNOWN:
            return lessons(match)
        ones = (1.0,) * len(match.plan.weights)
        calm = Lesson(ones, ones, 1.0, self.past.value)
        return [calm if self.past is Past.CALM else None] * match.runs

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Ask the judge."""
        return self.judge.look(seen)


ENTRANTS = (
    Entrant(Role.OURS, lambda: ChimeraRule(1)),
    Entrant(Role.OURS, lambda: ChimeraRule(5)),
    Entrant(Role.OURS, lambda: ChimeraRule(60)),
    Entrant(Role.OURS, lambda: ChimeraRule(1, strategy=Strategy.BALANCED)),
    Entrant(Role.OURS, lambda: ChimeraRule(1, past=Past.NONE)),
    Entrant(Role.STUDY, lambda: ChimeraRule(1, past=Past.CALM)),
    Entrant(Role.STUDY, lambda: ChimeraRule(1, gated=False)),
    Entrant(Role.STUDY, lambda: ChimeraRule(1, warm_up_s=0)),
)
