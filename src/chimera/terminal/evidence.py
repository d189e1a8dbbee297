"""Evidence over time in a terminal: a curve per plan, and the numbers at some moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from chimera.app.reports import Replay
from chimera.core.analysis.trace import EvidencePoint, EvidenceSeries
from chimera.core.words import chance, duration, percent
from chimera.terminal.bars import sparkline
from chimera.terminal.style import BAD, GOOD, MUTED, TITLE, VERDICT_STYLE, Signs, signs_for

WIDEST = 60
ROWS = 10


class EvidenceView:
    """The evidence of a replay, as wide as the console allows."""

    def __init__(self, report: Replay) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the curves, then the numbers of the replay at some moments."""
        if len(self._report.evidence.points) < 2:
            return
        signs, width = signs_for(options), min(max(options.max_width - 40, 10), WIDEST)
        yield Text("")
        yield Text("Evidence against the canary, as a share of what a rollback needs", style=TITLE)
        for word, series in self._both():
            yield _row(word, [point.guilt for point in series.points], width, signs, BAD)
        cleared = [(w, [point.clearance for point in s.points]) for w, s in self._both()]
        if any(share is not None for _, shares in cleared for share in shares):
            yield Text("How far the harm of the next step is ruled out", style=TITLE)
            for word, shares in cleared:
                yield _row(word, shares, width, signs, GOOD)
        yield Text("")
        yield _moments(self._report.evidence)

    def _both(self) -> tuple[tuple[str, EvidenceSeries], ...]:
        return ("recorded", self._report.evidence_before), ("replayed", self._report.evidence)


def _row(word: str, shares: Sequence[float | None], width: int, signs: Signs, style: str) -> Text:
    best = max((share for share in shares if share is not None), default=None)
    said = "no gate" if best is None else f"up to {percent(min(max(best, 0.0), 1.0))}"
    curve = sparkline(_thinned(shares, width), 1.0, signs)
    return Text.assemble((f"  {word}  ", MUTED), (curve, style), f"  {said}")


def _thinned(shares: Sequence[float | None], width: int) -> list[float | None]:
    """Return at most `width` values: of each stretch of looks the highest, within 0 and 1."""
    step = max(-(-len(shares) // width), 1)
    found: list[float | None] = []
    for start in range(0, len(shares), step):
        known = [share for share in shares[start : start + step] if share is not None]
        found.append(min(max(*known, 0.0), 1.0) if known else None)
    return found


def _moments(series: EvidenceSeries) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(justify="right", no_wrap=True)
    table.add_row(*(Text(word, style=MUTED) for word in _HEADINGS))
    for point in _some(series.points):
        table.add_row(
            duration(timedelta(seconds=point.after_s)),
            f"{point.weight} %",
            "-" if point.canary is None else percent(point.canary),
            "-" if point.stable is None else percent(point.stable),
            Text(point.verdict.value, style=VERDICT_STYLE[point.verdict]),
            chance(10 ** min(point.log10_odds, 300.0)),
        )
    return table


_HEADINGS = ("After", "Weight", "Canary", "Stable", "Verdict", "If the canary were healthy")


def _some(points: Sequence[EvidencePoint]) -> list[EvidencePoint]:
    """Return some points, the first and the last among them."""
    step = max((len(points) - 1) / (ROWS - 1), 1.0)
    chosen = {round(step * number) for number in range(ROWS)} | {len(points) - 1}
    return [points[index] for index in sorted(chosen) if index < len(points)]
