"""Telling the demo's story in a terminal: live for a person, a line per event elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from chimera.app.reports import Line, LookView, PlanReport, RolloutView
from chimera.core.banner import users_met
from chimera.core.words import duration
from chimera.demo.load import Tally
from chimera.demo.telling import Standing
from chimera.terminal import LiveView, plain
from chimera.terminal.plans import plan_view
from chimera.terminal.style import BAD, CANARY, GOOD, MUTED, TITLE

KEPT_LOOKS, KEPT_LINES = 120, 20
_CHANGES = {"+": GOOD, "-": BAD, "~": CANARY}


class TerminalScreen:
    """Implements `telling.Screen` on a Rich console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal and not console.is_dumb_terminal

    def say(self, text: str) -> None:
        """Tell one thing."""
        self._console.print(Text(text))

    def chapter(self, text: str) -> None:
        """Begin a part of the story."""
        self._console.print()
        self._console.print(Rule(Text(text), align="left"))

    def show_plan(self, plan: PlanReport) -> None:
        """Show what a deploy would do."""
        self._console.print(plan_view(plan))

    def show_standing(self, title: str, things: Sequence[Standing]) -> None:
        """Show what stands now, and what has come and gone since the last time."""
        if title:
            self._console.print(Text(title, style=TITLE))
        table = Table.grid(padding=(0, 2, 0, 0))
        for wrapping in ({}, {"no_wrap": True}, {"overflow": "fold"}, {"overflow": "fold"}):
            table.add_column(**wrapping)
        for thing in things:
            style = _CHANGES.get(thing.change, "")
            said = (thing.change or " ", thing.kind, thing.name)
            table.add_row(*(Text(word, style) for word in said), Text(thing.says, style or MUTED))
        self._console.print(Padding(table, (0, 0, 0, 2)))

    async def show_rollout(
        self,
        updates: AsyncIterator[tuple[RolloutView, Sequence[Line], Sequence[LookView]]],
        met: Tally,
    ) -> RolloutView:
        """Show a rollout until it is over and return how it ended."""
        picture = _Picture(met)
        if not self._live:
            async for view, lines, looks in updates:
                picture.take(view, lines, looks)
                for line in lines:
                    at = f"{line.at.astimezone(UTC):%H:%M:%S}"
                    self._console.print(
                        Text(f"{at}  {line.weight:>3} %  {plain(line.sentence)}"), soft_wrap=True
                    )
            return picture.last()
        with Live(console=self._console, get_renderable=picture.draw, refresh_per_second=8) as live:
            async for view, lines, looks in updates:
                picture.take(view, lines, looks)
            live.refresh()
        return picture.last()


class _Picture:
    """What the live view shows, and the load's own count below it."""

    def __init__(self, met: Tally) -> None:
        self._met = met
        self._sent = met.sent
        self._failed = len(met.failures)
        self._view: RolloutView | None = None
        self._lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self._looks: deque[LookView] = deque(maxlen=KEPT_LOOKS)

    def take(self, view: RolloutView, lines: Sequence[Line], looks: Sequence[LookView]) -> None:
        self._view = view
        self._lines.extend(lines)
        self._looks.extend(looks)

    def last(self) -> RolloutView:
        if self._view is None:
            raise LookupError("the rollout was never seen")
        return self._view

    def draw(self) -> LiveView | Text:
        if self._view is None:
            return Text("...")
        sent, failed = self._met.sent - self._sent, len(self._met.failures) - self._failed
        foot = f"the load has sent {sent:,} requests meanwhile, {failed:,} failed"
        now = datetime.now(UTC)
        return LiveView(self._view, self._lines, self._looks, now, fit=True, foot=foot)


def met_in_words(view: RolloutView) -> str:
    """Return what users met on the canary of a rollout."""
    met = view.state.exposure
    if met.unknown:
        return users_met(met)
    failed = f"{met.errors:,} of them failed" if met.errors else "none of them failed"
    return f"{met.requests:,} requests in {duration(met.duration)}, {failed}"
