"""Benchmarks on paper: a table for people, plain values for programs."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chimera import __version__
from chimera.bench.report import Figure, Report
from chimera.terminal.style import BAD, GOOD, MUTED, TITLE


@dataclass(frozen=True, slots=True)
class Done:
    """A benchmark that was run. problem: why it could not be; then there is no report.

    code: the exit code for the problem, 0 without one.
    """

    name: str
    about: str
    seconds: float
    report: Report | None = None
    problem: str = ""
    code: int = 0

    @property
    def missed(self) -> bool:
        """Whether a goal was missed."""
        return self.report is not None and any(one.met is False for one in self.report.figures)


def machine() -> dict[str, object]:
    """Describe the machine in general words. load: how busy it was with other things before."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(pages * page / 1024**3),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def document(
    at: datetime, effort: float, on: Mapping[str, object], done: Sequence[Done]
) -> dict[str, object]:
    """Return everything as plain values; NaN becomes null."""
    return {
        "chimera": __version__,
        "at": at.isoformat(timespec="seconds"),
        "effort": effort,
        "machine": dict(on),
        "benchmarks": [_plain(one) for one in done],
    }


def _plain(done: Done) -> dict[str, object]:
    report = done.report or Report(())
    return {
        "name": done.name,
        "about": done.about,
        "seconds": round(done.seconds, 1),
        "problem": done.problem,
        "notes": list(report.notes),
        "figures": [
            asdict(figure)
            | {"value": None if math.isnan(figure.value) else figure.value, "met": figure.met}
            for figure in report.figures
        ],
    }


def heading(at: datetime, effort: float, on: Mapping[str, object]) -> Text:
    """Say what is measured, when and on what."""
    share = "" if effort == 1 else f", {effort:.0%} of the whole effort"
    return Text(
        f"Chimera {__version__}, {at:%Y-%m-%d}{share}\n{on['system']} on {on['processor']}, "
        f"{on['cores']} cores, {on['memory_gb']} GB, Python {on['python']}, "
        f"load {on['load']} before",
        style=MUTED,
    )


def page(done: Done) -> RenderableType:
    """Draw one benchmark."""
    title = Text.assemble((done.name, TITLE), f"  {done.about}", (f"  {done.seconds:.0f} s", MUTED))
    return Group(Text(""), title, *(Padding(line, (0, 0, 0, 2)) for line in _lines(done)))


def _lines(done: Done) -> Iterator[RenderableType]:
    if done.report is None:
        yield Text(f"could not run: {done.problem}", style=BAD)
        return
    table = Table(box=None, pad_edge=False, header_style=MUTED)
    table.add_column("what", overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("goal", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for figure in done.report.figures:
        table.add_row(figure.name, _measured(figure), _goal(figure), _met(figure))
    yield table
    for note in done.report.notes:
        yield Text(note, style=MUTED)


def _measured(figure: Figure) -> str:
    return number(figure.value) + ("" if math.isnan(figure.value) else f" {figure.unit}".rstrip())


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    sign = "at least" if figure.at_least else "at most"
    return f"{sign} {number(figure.goal)} {figure.unit}".rstrip()


def _met(figure: Figure) -> Text:
    words = {None: ("", ""), True: ("met", GOOD), False: ("MISSED", BAD)}
    return Text(*words[figure.met])


def number(value: float) -> str:
    """Say a number in three digits, or whole from a hundred on."""
    if math.isnan(value):
        return "none"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
