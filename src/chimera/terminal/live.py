"""One rollout on one screen: what goes on, who gets traffic, what checks say, what happened.

Pure: the same rollout at the same moment gives the same text. It fits itself to the console that
shows it, in width, height, colours and character set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chimera.app.presenting import WATCHED, current, judgement_of, outdated, verdict_of
from chimera.app.reports import Line, LookView, RolloutView
from chimera.core.explain import headline
from chimera.core.model import Judgement
from chimera.core.words import plain
from chimera.terminal.bars import error_history, traffic
from chimera.terminal.checks import checks_table
from chimera.terminal.happened import event_rows
from chimera.terminal.steps import track
from chimera.terminal.style import (
    MUTED,
    PHASE_STYLE,
    TITLE,
    VERDICT_STYLE,
    WARN,
    Signs,
    label,
    short,
    signs_for,
)

MAX_EVENTS = 8  # the blank row above them counts
WIDEST_TITLE = 100


@dataclass(frozen=True, slots=True)
class LiveView:
    """A rollout at a moment, ready to be shown by Rich.

    lines, looks: oldest first; the last ones suffice. now: aware. fit: stay within the console's
    height, for a view that is drawn over and over. foot: a last row, such as what the keys do.
    """

    view: RolloutView
    lines: Sequence[Line]
    looks: Sequence[LookView]
    now: datetime
    fit: bool = False
    foot: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the screen, with as many events as the height allows."""
        signs, width = signs_for(options), options.max_width
        ranked = self._parts(signs, width)
        foot = [Text(self.foot, style=MUTED)] if self.foot else []
        parts, room = [part for _, part in ranked], 0
        if self.fit:
            height = console.size.height - 1 - len(foot)
            parts, used = _fit(ranked, console, options, height)
            room = height - used
        told = list(self.lines)[-(MAX_EVENTS - 1) :]
        events = event_rows(told, console, width, room if self.fit else None, signs)
        yield Group(*parts, *events, *foot)

    @property
    def judgement(self) -> Judgement | None:
        """The judge's latest word that the numbers on the screen belong to."""
        return judgement_of(self.view, self.looks)

    def _parts(self, signs: Signs, width: int) -> list[tuple[int, RenderableType]]:
        """Return the parts from top to bottom, each with its rank: the highest may be left out."""
        rollout = self.view.rollout
        errors = next((x for x in rollout.plan.analysis.limits if x.metric == "error_rate"), None)
        parts: list[tuple[int, RenderableType]] = [
            (0, self._title(signs, width)),
            *((0, row) for row in self._warning(signs)),
            (0, Padding(self._banner(signs), (0, 0, 1, 0))),
            (0, traffic(self.view, signs, width)),
            *((1, row) for row in track(self.view, self.now, signs, width)),
        ]
        judgement = self.judgement
        if judgement is not None and judgement.findings:
            table = checks_table(rollout.plan.analysis, judgement, signs, width)
            parts.append((2, Padding(table, (1, 0, 0, 0))))
            if judgement.needs and self.view.state.phase in WATCHED:
                parts.append((2, Text.assemble(label("Needed"), plain(judgement.needs))))
        rows = error_history(self.looks, errors, signs, width)
        if rows:
            parts.append((3, Padding(Group(*rows), (1, 0, 0, 0))))
        return parts

    def _title(self, signs: Signs, width: int) -> RenderableType:
        rollout, state = self.view.rollout, self.view.state
        names = max((width - len(rollout.service.name) - 30) // 2, 8)
        versions = short(rollout.canary.name, names, signs.more)
        if not rollout.plan.install:
            versions = f"{short(rollout.stable.name, names, signs.more)} {signs.arrow} {versions}"
        title = Table.grid(expand=True)
        title.width = min(width, WIDEST_TITLE)
        title.add_column(no_wrap=True)
        title.add_column(justify="right", no_wrap=True)
        title.add_row(
            Text.assemble((rollout.service.name, TITLE), f"  {versions}"),
            Text(state.words, style=PHASE_STYLE.get(state.phase, TITLE)),
        )
        return title

    def _banner(self, signs: Signs) -> Text:
        rollout, state = self.view.rollout, self.view.state
        latest = current(self.view, self.looks)
        text = plain(headline(rollout, state, latest))
        if outdated(self.view):
            return Text.assemble((f"{signs.unsure} Last known: ", WARN), text)
        verdict = verdict_of(state.phase, latest or state.judgement)
        sign = (f"{signs.verdict(verdict)} ", VERDICT_STYLE[verdict]) if verdict else ("", "")
        return Text.assemble(sign, text)

    def _warning(self, signs: Signs) -> list[Text]:
        words = plain(self.view.unattended or self.view.elsewhere)
        return [Text(f"{signs.bad} {words}", style=WARN)] if words else []


def _fit(
    parts: list[tuple[int, RenderableType]], console: Console, options: ConsoleOptions, height: int
) -> tuple[list[RenderableType], int]:
    """Leave out what ranks last until the rest fits into `height`; return it and its height."""
    sized = [(rank, part, len(console.render_lines(part, options))) for rank, part in parts]
    for highest in (3, 2, 1, 0):
        kept = [(part, size) for rank, part, size in sized if rank <= highest]
        used = sum(size for _, size in kept)
        if used <= height or highest == 0:
            return [part for part, _ in kept], used
    return [], 0
