"""A plan as people read it: each write, the weights over time, the defaults in sentences."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chimera.app.reports import PlanReport
from chimera.core.analysis.outlook import Outlook, say_cost, say_step, say_traffic
from chimera.core.plan import GateKind, RolloutPlan, Step
from chimera.core.saying import say_limits, say_warnings
from chimera.core.words import count, duration, plain
from chimera.terminal.style import BAD, CANARY, GOOD, MUTED, TITLE, WARN

_ACTIONS = {"+": (GOOD, "create"), "~": (WARN, "change"), "-": (BAD, "remove")}
_BAR = 20


def plan_view(report: PlanReport) -> RenderableType:
    """Return the whole plan."""
    if report.unchanged:
        return Group(
            title(report), Text("  Nothing to do: this version is the stable one already.")
        )
    parts: list[RenderableType] = [title(report), *_section("Writes, in order", changes(report))]
    if not report.first:
        plan = report.rollout.plan
        parts += _section("Traffic", weights(plan))
        parts += _section("Rolled back at once when", limits(plan))
        if report.outlook:
            parts += _section("What it can see", outlook_view(report.outlook))
    notes = [Text(f"{plain(note)}") for note in report.notes]
    heading = "From the next version on" if report.first else "What applies"
    parts += _section(heading, Group(*notes)) if notes else []
    return Group(*parts)


def summary(report: PlanReport) -> RenderableType:
    """Return what a person should know before saying yes."""
    plan = report.rollout.plan
    if report.first:
        words = ["First installation: there is no running version to compare with."]
    else:
        way = ", ".join(f"{step.weight}" for step in plan.steps)
        steps = count(len(plan.steps), "step")
        words = [
            f"Traffic in {steps}: {way} %, at least {duration(plan.duration)}.",
            f"Rolled back when {'; '.join(say_limits(plan))}.",
            *_outlook_words(report.outlook),
        ]
    words.append(f"{_counted(report)}; `chimera plan` shows everything.")
    return Group(title(report), Padding(Text("\n".join(words)), (0, 0, 0, 2)))


def title(report: PlanReport) -> Text:
    """Return the plan's first line."""
    rollout = report.rollout
    service = rollout.service
    way = plain(rollout.canary.name)
    if not report.first and not report.unchanged:
        way = f"{plain(rollout.stable.name)} to {way}"
    return Text.assemble((service.name, TITLE), f"  {way}  on {service.platform}")


def changes(report: PlanReport) -> RenderableType:
    """Return one row per write."""
    table = Table.grid(padding=(0, 2))
    for change in report.changes:
        style, verb = _ACTIONS[change.action]
        details = "; ".join(filter(None, [change.why, change.permission, change.cost]))
        table.add_row(
            Text(f"{change.action} {verb}", style=style),
            Text(plain(change.resource)),
            Text(plain(details), style=MUTED),
        )
    return Group(table, Text(f"{_counted(report)}.", style=MUTED))


def _counted(report: PlanReport) -> str:
    counts = {sign: sum(c.action == sign for c in report.changes) for sign in _ACTIONS}
    return f"{counts['+']} to create, {counts['~']} to change, {counts['-']} to remove"


def weights(plan: RolloutPlan) -> RenderableType:
    """Return the canary's weight over time, one row per step, and the total."""
    table = Table.grid(padding=(0, 2))
    begin = timedelta(0)
    for step in plan.steps:
        filled = round(step.weight / 100 * _BAR) or (1 if step.weight else 0)
        table.add_row(
            Text(f"after {duration(begin)}" if begin else "at once", style=MUTED),
            Text(f"{step.weight} %", justify="right"),
            Text.assemble(("#" * filled, CANARY), ("-" * (_BAR - filled), MUTED)),
            Text(_held(step)),
        )
        begin += step.bake
    warm = plan.scale_down_delay
    then = f"; the old version then stays warm for {duration(warm)}" if warm else ""
    gates = sum(step.gate is not None for step in plan.steps)
    waits = f", plus {gates} wait{'s' if gates > 1 else ''} for a person" if gates else ""
    return Group(
        table, Text(f"At least {duration(plan.duration)} in all{waits}{then}.", style=MUTED)
    )


def _held(step: Step) -> str:
    held = f"for {duration(step.bake)}"
    if step.gate is None:
        return held
    if step.gate.kind is GateKind.APPROVAL:
        return f"{held}, then until approved by role {plain(step.gate.role or 'operator')}"
    return f"{held}, then until somebody resumes it"


def limits(plan: RolloutPlan) -> RenderableType:
    """Return what leads to a rollback, one line per limit."""
    return Group(*(Text(words) for words in say_limits(plan)))


def outlook_view(outlook: Outlook) -> RenderableType:
    """Return what each step needs and finds, what faults would cost, and what to change."""
    steps = Table.grid(padding=(0, 2))
    for step in outlook.steps:
        said = say_step(step)
        steps.add_row(
            Text(f"{step.weight} %", justify="right"), Text(said, style="" if step.enough else WARN)
        )
    costs = (Text(say_cost(each), style=MUTED) for each in outlook.costs)
    advice = (Text(f"Too little traffic: {words}.", style=WARN) for words in outlook.warnings[-1:])
    evidence = (Text(plain(outlook.evidence), style=MUTED),) if outlook.evidence else ()
    return Group(Text(plain(say_traffic(outlook))), steps, *costs, *evidence, *advice)


def _outlook_words(outlook: Outlook | None) -> list[str]:
    if outlook is None:
        return []
    costs = "; ".join(say_cost(each) for each in outlook.costs[:2])
    return [plain(say_traffic(outlook)), f"{costs}.", *say_warnings(outlook)]


def _section(heading: str, body: RenderableType) -> list[RenderableType]:
    return [Text(""), Text(heading, style=TITLE), Padding(body, (0, 0, 0, 2))]
