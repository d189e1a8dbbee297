"""`chimera logs`: events and looks in the order of time, at once or as they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from chimera.app.lean import lean_looks
from chimera.cli import tables
from chimera.cli.output import Format, Output, out_console

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import Line, LookView


class LogWriter:
    """Writes one rollout's log. looks: each look too; as data: the looks alone.

    full: as data, the looks with their latency buckets and findings.
    """

    def __init__(self, ref: str, out: Output, *, looks: bool, full: bool = False) -> None:
        self._ref = ref
        self._out = out
        self._looks = looks
        self._full = full
        self._day: date | None = None

    async def once(self, chimera: Chimera) -> None:
        """Write what there is."""
        lines = await chimera.lines(self._ref)
        looks = await chimera.looks(self._ref) if self._looks else ()
        if self._out.table:
            self._write(lines, looks)
        else:
            self._out.data(self._data(lines, looks), lambda: "")

    async def follow(self, chimera: Chimera) -> None:
        """Write what comes, until the rollout is over; json and yaml at its end."""
        whole: list[object] = []
        async for _, lines, looks in chimera.follow(self._ref):
            if self._out.table:
                self._write(lines, looks if self._looks else ())
                continue
            found = self._data(lines, looks)
            if self._out.format is Format.JSONL:
                self._out.data(found, lambda: "")
            whole += found
        if self._out.format in {Format.JSON, Format.YAML}:
            self._out.data(whole, lambda: "")

    def _data(self, lines: Sequence[Line], looks: Sequence[LookView]) -> list[object]:
        if not self._looks:
            return list(lines)
        return list(looks) if self._full else lean_looks(looks)

    def _write(self, lines: Sequence[Line], looks: Sequence[LookView]) -> None:
        found = [(line.at, 1, line.weight, tables.event(line)) for line in lines]
        found += [(one.look.at, 0, one.look.weight, tables.look(one)) for one in looks]
        wraps = out_console().is_terminal
        for at, _, weight, words in sorted(found, key=lambda one: one[:2]):
            if wraps:
                self._begin_day(at)
                self._out.text(tables.hanging(at, weight, words))
            else:
                self._out.text(tables.on_one_line(at, weight, words))

    def _begin_day(self, at: datetime) -> None:
        day = at.astimezone(UTC).date()
        if day != self._day:
            self._out.text(f"{day} UTC")
            self._day = day
