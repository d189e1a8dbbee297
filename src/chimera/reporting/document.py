"""What a report says, in order, whatever it is written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chimera.app.masking import masked
from chimera.app.presenting import current
from chimera.app.reports import Line, LookView, Report, RolloutView
from chimera.app.series import Point, points
from chimera.core.banner import capital, users_met
from chimera.core.checklist import CheckRow, checklist, metric_name
from chimera.core.decision import Decision, decision
from chimera.core.model import Verdict
from chimera.core.plan import Limit
from chimera.core.track import Mark, track
from chimera.core.words import duration
from chimera.reporting.evidence import Evidence, evidence_of


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step: what became of it, and the judge's last word there with its checks."""

    title: str
    mark: Mark
    verdict: Verdict | None
    sentence: str
    looks: int
    checks: tuple[CheckRow, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One limit over time. unit: "ratio" or "ms"; index: its place in the points' values."""

    title: str
    limit: Limit
    unit: str
    index: int


@dataclass(frozen=True, slots=True)
class Document:
    """A report. facts: name and value. spec: YAML, secrets masked."""

    title: str
    status: str
    said: Decision
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    chapters: tuple[Chapter, ...]
    charts: tuple[Chart, ...]
    points: tuple[Point, ...]
    evidence: Evidence
    spec: str
    made_at: datetime
    made_by: str


def document_of(report: Report) -> Document:
    """Put a report in order."""
    view = report.rollout
    rollout, state = view.rollout, view.state
    versions = rollout.canary.name
    if not rollout.plan.install:
        versions = f"{rollout.stable.name} to {versions}"
    limits = rollout.plan.analysis.limits
    return Document(
        title=f"{rollout.service.name}: {versions}",
        status=capital(state.words),
        said=decision(rollout, state, current(view, report.looks)),
        facts=tuple(_facts(view, report)),
        lines=report.lines,
        chapters=_chapters(view, report.looks, report.made_at),
        charts=tuple(
            Chart(
                capital(metric_name(one.metric)), one, "ratio" if one.quantile is None else "ms", i
            )
            for i, one in enumerate(limits)
        ),
        points=points(rollout.plan.analysis, report.looks),
        evidence=evidence_of(view, report.looks),
        spec=str(masked({"spec": rollout.spec})["spec"]),
        made_at=report.made_at,
        made_by=report.made_by,
    )


def _facts(view: RolloutView, report: Report) -> Sequence[tuple[str, str]]:
    rollout, state = view.rollout, view.state
    ended = state.ended_at
    found = [
        ("Rollout", rollout.id),
        ("Service", f"{rollout.service.name} on {rollout.service.platform}"),
        ("Started", f"{moment(view.opened_at)} by {rollout.started_by or 'nobody named'}"),
    ]
    if ended:
        found.append(("Ended", f"{moment(ended)}, after {duration(ended - view.opened_at)}"))
    for one in (rollout.canary, rollout.stable):
        if one.image:
            found.append((f"Image of {one.name}", one.image))
    if not rollout.plan.install:
        found += [
            ("Users", capital(users_met(state.exposure))),
            ("Looks", f"{len(report.looks):,}"),
        ]
    return found


def _chapters(view: RolloutView, looks: Sequence[LookView], now: datetime) -> tuple[Chapter, ...]:
    plan = view.rollout.plan
    marks = track(plan, view.state, now, stopped=bool(view.unattended))
    chapters = []
    for index, mark in enumerate(marks):
        mine = [one for one in looks if one.step == index]
        last = mine[-1].judgement if mine else None
        chapters.append(
            Chapter(
                title=capital(mark.words),
                mark=mark.mark,
                verdict=last.verdict if last else None,
                sentence=last.sentence if last else "",
                looks=len(mine),
                checks=checklist(plan.analysis, last) if last else (),
            )
        )
    return tuple(chapters)


def moment(at: datetime) -> str:
    """Say a moment, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or 'UTC'}"
