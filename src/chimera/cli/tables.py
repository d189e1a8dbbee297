"""Lists of things as people read them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chimera.app.cloud import Found
from chimera.app.reports import Line, LookView, Replay, RolloutView, ServiceView, Sweep
from chimera.core.model import Judgement, Verdict
from chimera.core.state import Phase
from chimera.core.words import count, duration, plain
from chimera.ports.platform import Check
from chimera.terminal.evidence import EvidenceView
from chimera.terminal.style import BAD, GOOD, MUTED, PHASE_STYLE, TITLE, VERDICT_STYLE, WARN


def columns(*headings: str, whole: Collection[str] = ()) -> Table:
    """Return an empty table. whole: the columns that are never broken over two lines."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=MUTED)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in whole)
    return table


def moment(at: datetime) -> str:
    """Say a moment in UTC, as the sentences of the history do."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def rollouts(views: Sequence[RolloutView]) -> RenderableType:
    """Return one row per rollout."""
    if not views:
        return Text("No rollout yet. `chimera deploy` starts one.")
    table = columns(
        *("Rollout", "Service", "Versions", "Phase", "Started (UTC)", "Took", "By"),
        whole={"Rollout", "Started (UTC)", "Took"},
    )
    for view in views:
        rollout, state = view.rollout, view.state
        table.add_row(
            Text(rollout.id),
            Text(rollout.service.name),
            Text(_versions(view)),
            Text(_phase(view), style=PHASE_STYLE.get(state.phase, "")),
            Text(f"{view.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}"),
            Text(_took(view)),
            Text(plain(rollout.started_by)),
        )
    return table


def _versions(view: RolloutView) -> str:
    rollout = view.rollout
    if rollout.plan.install:
        return f"install {plain(rollout.canary.name)}"
    return f"{plain(rollout.stable.name)} to {plain(rollout.canary.name)}"


def _phase(view: RolloutView) -> str:
    state = view.state
    if view.unattended:
        return f"{state.words}, no controller"
    if view.elsewhere:
        return f"{state.words}, another controller"
    traffic = not state.phase.final and state.phase is not Phase.RETIRING
    return f"{state.words}, {state.weight} %" if traffic else state.words


def _took(view: RolloutView) -> str:
    state = view.state
    end = state.ended_at or (view.updated_at if not state.phase.final else None)
    return duration(end - view.opened_at) if end else "-"


def services(views: Sequence[ServiceView]) -> RenderableType:
    """Return one row per service."""
    if not views:
        return Text("No service yet. `chimera init` writes a spec, `chimera deploy` installs it.")
    table = columns("Service", "Platform", "Stable", "Live rollout", "Last")
    for view in views:
        table.add_row(
            Text(view.name),
            Text(view.platform),
            Text(plain(view.stable) or "-"),
            Text(view.live or "-"),
            Text(f"{_versions(view.last)}: {_phase(view.last)}" if view.last else "-"),
        )
    return table


def event(line: Line) -> Text:
    """Return one event in words."""
    return Text(plain(line.sentence))


def look(one: LookView) -> Text:
    """Return one look in words: the verdict with the numbers of its step so far."""
    seen, judgement = one.look, one.judgement
    return Text.assemble(
        (f"look {one.number}: {plain(seen.gap)}; " if seen.gap else f"look {one.number}: ", MUTED),
        (judgement.verdict.value, VERDICT_STYLE[judgement.verdict]),
        f": {plain(judgement.sentence)}",
        f" (needed: {plain(judgement.needs)})" if judgement.needs else "",
    )


def on_one_line(at: datetime, weight: int, words: Text) -> Text:
    """Return a line of a log for a file or a program."""
    return Text.assemble((f"{moment(at)}  ", MUTED), f"{weight:>3} %  ", words)


def hanging(at: datetime, weight: int, words: Text) -> RenderableType:
    """Return a line of a log for people: what does not fit goes on below its words."""
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True)
    row.add_column(no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(f"{at.astimezone(UTC):%H:%M:%S}", style=MUTED), f"{weight:>3} %", words)
    return row


def checks(found: Sequence[Check]) -> RenderableType:
    """Return what the doctor found, with what to do about it."""
    rows = []
    for check in found:
        word, style = ("ok  ", GOOD) if check.ok else ("FAIL", BAD)
        rows.append(Text.assemble((word, style), f"  {plain(check.name)}: {plain(check.detail)}"))
        if not check.ok and check.fix:
            rows.append(Text(f"      Next: {plain(check.fix)}"))
    return Group(*rows)


def sweep(found: Sweep, *, dry_run: bool = False) -> RenderableType:
    """Return what was found, removed and left."""
    if not found.found and not found.removed and not found.left:
        return Text("Nothing is left over." if not found.unseen else "Nothing was found.")
    done = [("would remove", WARN, found.found)] if dry_run else []
    done += [("removed", GOOD, found.removed), ("left", BAD, found.left)]
    table = Table.grid(padding=(0, 2))
    for word, style, resources in done:
        for resource in resources:
            origin = resource.rollout or resource.service
            table.add_row(
                Text(word, style=style), Text(plain(resource)), Text(plain(origin), style=MUTED)
            )
    total = count(len(found.found), "resource")
    words = f"{total} found, nothing was changed." if dry_run else _removed(found)
    return Group(table, Text(words))


def _removed(found: Sweep) -> str:
    return f"{count(len(found.removed), 'resource')} removed, {len(found.left)} left."


def replayed(report: Replay) -> RenderableType:
    """Return what was judged, what would be judged, and the looks where the two differ."""
    rows: list[RenderableType] = [
        Text.assemble((report.rollout.rollout.id, TITLE), f"  {count(report.looks, 'look')}"),
        Text.assemble(("Recorded  ", MUTED), plain(report.before)),
        Text.assemble(("Replayed  ", MUTED), plain(report.now)),
        Text("The outcome differs." if report.differs else "The outcome is the same.", style=TITLE),
    ]
    table = columns("Looks", "Weight", "Was", "Would be", "Because, in the last of them")
    for (was, would, weight), stretch in groupby(report.verdicts, key=_verdicts):
        if was is would:
            continue
        looks = list(stretch)
        first, (last, again) = looks[0][0].number, looks[-1]
        table.add_row(
            f"{first} to {last.number}" if len(looks) > 1 else str(first),
            f"{weight} %",
            Text(was.value, style=VERDICT_STYLE[was]),
            Text(would.value, style=VERDICT_STYLE[would]),
            Text(plain(again.sentence)),
        )
    if table.row_count:
        rows += [Text(""), table]
    return Group(*rows, EvidenceView(report))


def _verdicts(pair: tuple[LookView, Judgement]) -> tuple[Verdict, Verdict, int]:
    recorded, again = pair
    return recorded.judgement.verdict, again.verdict, recorded.look.weight


def findings(found: Sequence[Found]) -> RenderableType:
    """Return one row per thing found on AWS, those of a kind together."""
    if not found:
        return Text("Nothing was found.")
    several = len({one.region for one in found}) > 1
    table = columns("What", "Name", "In", "Can be used", "To know")
    for one in sorted(found, key=lambda one: (one.region, _kind(one.kind))):
        place = f"{one.region} {one.inside}".strip() if several else one.inside
        known = ", ".join(f"{key} {value}" for key, value in one.facts.items() if value)
        table.add_row(
            Text(one.kind),
            Text(plain(one.name)),
            Text(plain(place)),
            Text(f"no: {plain(one.reason)}" if one.why else "yes", style=WARN if one.why else GOOD),
            Text(plain(known), style=MUTED),
        )
    return table


def _kind(kind: str) -> int:
    """Return where a kind of thing is listed: what is deployed first, what lies below last."""
    order = ("region", "service", "cluster", "mesh", "load balancer", "listener", "rule")
    return order.index(kind) if kind in order else len(order)
