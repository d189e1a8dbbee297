"""The live page of one rollout, as values that its templates show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chimera.app.presenting import current, judgement_of, outdated, verdict_of
from chimera.app.reports import LookView, RolloutView
from chimera.core.checklist import CheckRow, checklist
from chimera.core.decision import Decision, decision
from chimera.core.model import Verdict
from chimera.core.offers import offers
from chimera.core.state import Phase
from chimera.core.track import Mark, bake_ends, track
from chimera.core.words import duration
from chimera.web.views.charts import ChartHead, chart_heads
from chimera.web.views.details import Fact, facts
from chimera.web.views.status import Status, status_of

VERDICTS = {
    Verdict.HEALTHY: ("ok", "check"),
    Verdict.UNHEALTHY: ("bad", "cross"),
    Verdict.INCONCLUSIVE: ("warn", "question"),
}
MARKS = {
    Mark.DONE: "check",
    Mark.NOW: "play",
    Mark.HELD: "pause",
    Mark.NEXT: "dot",
    Mark.SKIPPED: "dash",
    Mark.NEVER: "dash",
    Mark.ABORTED: "cross",
    Mark.FAILED: "cross",
}


@dataclass(frozen=True, slots=True)
class Banner:
    """The decision. kind, sign: of the verdict; word: the verdict itself, "" where a person chose.

    needs: what is missing yet for a decision.
    """

    said: Decision
    kind: str
    sign: str
    word: str
    needs: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who gets the traffic, in percent. was: nobody can tell whether it still is so."""

    canary: int
    stable: int
    canary_name: str
    stable_name: str
    words: str
    was: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the track. now: it is the present one. ends: when its bake ends, if it is on."""

    words: str
    mark: str
    sign: str
    bake: str
    now: bool
    ends: datetime | None
    bake_s: float

    def gone_s(self, now: datetime) -> float:
        """Return how much of the bake is over, in seconds."""
        left = (self.ends - now).total_seconds() if self.ends else 0.0
        return round(min(max(self.bake_s - left, 0.0), self.bake_s), 1)


@dataclass(frozen=True, slots=True)
class RolloutPage:
    """All that changes on the page while a rollout goes on."""

    id: str
    service: str
    stable: str
    canary: str
    status: Status
    warning: str
    banner: Banner
    traffic: Traffic | None
    steps: tuple[Step, ...]
    checks: tuple[CheckRow, ...]
    charts: tuple[ChartHead, ...]
    facts: tuple[Fact, ...]
    verbs: tuple[str, ...]
    over: bool
    updated_at: datetime


def rollout_page(view: RolloutView, looks: Sequence[LookView], now: datetime) -> RolloutPage:
    """Return the page. looks: the last ones suffice, oldest first; () where there are none."""
    rollout, state = view.rollout, view.state
    judgement = judgement_of(view, looks)
    plan = rollout.plan
    return RolloutPage(
        id=rollout.id,
        service=rollout.service.name,
        stable="" if plan.install else rollout.stable.name,
        canary=rollout.canary.name,
        status=status_of(view),
        warning=view.unattended or view.elsewhere,
        banner=_banner(view, looks),
        traffic=None if plan.install else _traffic(view),
        steps=_steps(view, now),
        checks=checklist(plan.analysis, judgement) if judgement else (),
        charts=() if plan.install else chart_heads(plan.analysis, judgement),
        facts=facts(view),
        verbs=offers(plan, state, now),
        over=state.over,
        updated_at=view.updated_at,
    )


def _banner(view: RolloutView, looks: Sequence[LookView]) -> Banner:
    rollout, state = view.rollout, view.state
    latest = current(view, looks)
    said = decision(rollout, state, latest)
    if outdated(view):
        known = replace(said, title=f"Last known: {said.title[:1].lower()}{said.title[1:]}")
        return Banner(known, "warn", "question", "", "")
    verdict = verdict_of(state.phase, latest or state.judgement)
    kind, sign = VERDICTS[verdict] if verdict else _unjudged(state.phase)
    shown = verdict is not None and not state.phase.final and state.ending is None
    needs = latest.needs if latest and shown else ""
    return Banner(said, kind, sign, verdict.value if verdict and shown else "", needs)


def _unjudged(phase: Phase) -> tuple[str, str]:
    if phase in {Phase.PAUSED, Phase.AWAITING_APPROVAL, Phase.ABORTED}:
        return "warn", {Phase.PAUSED: "pause", Phase.ABORTED: "cross"}.get(phase, "person")
    return "info", "clock"


def _traffic(view: RolloutView) -> Traffic:
    rollout, state = view.rollout, view.state
    promoted = state.ending is Phase.SUCCEEDED
    new, old = ("stable", "old") if promoted else ("canary", "stable")
    canary, stable = rollout.canary.name, rollout.stable.name
    left = 100 - state.weight
    words = f"{state.weight} % on {new} {canary}, {left} % on {old} {stable}"
    was = outdated(view)
    return Traffic(
        state.weight, left, canary, stable, f"Last known: {words}" if was else words, was
    )


def _steps(view: RolloutView, now: datetime) -> tuple[Step, ...]:
    plan, state = view.rollout.plan, view.state
    ends = None if view.unattended else bake_ends(plan, state)
    marks = track(plan, state, now, stopped=bool(view.unattended))
    return tuple(
        Step(
            words=one.words,
            mark=one.mark.value,
            sign=MARKS[one.mark],
            bake=duration(one.bake) if one.bake else "",
            now=one.mark in {Mark.NOW, Mark.HELD},
            ends=ends if one.mark is Mark.NOW else None,
            bake_s=one.bake.total_seconds(),
        )
        for one in marks
    )
