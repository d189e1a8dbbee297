"""Charts as SVG that need nothing around them: what users met, the evidence, the decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Protocol, TypeVar

from chimera.app.series import Point
from chimera.core.analysis.trace import EvidencePoint
from chimera.core.checklist import value
from chimera.reporting.document import Chart
from chimera.reporting.evidence import share

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 26, 26
TICKS = 4


class _Placed(Protocol):
    """A moment with its weight."""

    @property
    def at(self) -> datetime: ...
    @property
    def weight(self) -> int: ...


P = TypeVar("P", bound=_Placed)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places on the paper."""

    first: float
    last: float
    top: float

    def x(self, at: datetime) -> float:
        span = max(self.last - self.first, 1e-9)
        return LEFT + (at.timestamp() - self.first) / span * (WIDTH - LEFT - RIGHT)

    def y(self, number: float) -> float:
        return HEIGHT - BOTTOM - number / self.top * (HEIGHT - TOP - BOTTOM)


def chart_svg(chart: Chart, points: Sequence[Point], end: str = "") -> str:
    """Return the chart of one limit; "" where there are fewer than two points. end: how it ended.

    Colours come by classes (canary, stable, limit, axis, mark), so that a style sheet sets them.
    """
    if len(points) < 2:
        return ""
    numbers = [one for point in points for one in point.values[chart.index] if one is not None]
    most = max([*numbers, (chart.limit.max or 0) * 1.25, 1e-4]) * 1.06
    scale = _Scale(points[0].at.timestamp(), points[-1].at.timestamp(), most)
    parts = [
        *_axes(scale, chart.unit),
        *_marks(points, scale, end),
        *_limit(chart, scale),
        _line("stable", points, scale, lambda point: point.values[chart.index][1]),
        _line("canary", points, scale, lambda point: point.values[chart.index][0]),
    ]
    return _svg(f"{chart.title} over time, {len(points)} points", parts)


def evidence_svg(points: Sequence[EvidencePoint], end: str = "") -> str:
    """Return how far the evidence came towards a rollback, and towards the next step.

    Classes: guilt, clear; the limit is where either is enough. "" for fewer than two points.
    """
    if len(points) < 2:
        return ""
    scale = _Scale(points[0].at.timestamp(), points[-1].at.timestamp(), 1.0)
    parts = [
        *_axes(scale, "ratio"),
        *_marks(points, scale, end),
        f'<path class="limit" d="M{LEFT} {scale.y(1.0):.1f}H{WIDTH - RIGHT}"/>',
        _line("clear", points, scale, lambda point: share(point.clearance)),
        _line("guilt", points, scale, lambda point: share(point.guilt)),
    ]
    return _svg(f"Evidence over time, {len(points)} points", parts)


def _svg(label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _axes(scale: _Scale, unit: str) -> list[str]:
    parts = []
    for tick in range(TICKS + 1):
        number = scale.top * tick / TICKS
        y = scale.y(number)
        parts.append(f'<path class="axis" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 8, y + 4, value(number, unit), "end"))
    for tick in range(TICKS + 1):
        at = datetime.fromtimestamp(scale.first + (scale.last - scale.first) * tick / TICKS, tz=UTC)
        anchor = {0: "start", TICKS: "end"}.get(tick, "middle")
        parts.append(_text(scale.x(at), HEIGHT - 8, f"{at:%H:%M:%S}", anchor))
    return parts


def _marks(points: Sequence[_Placed], scale: _Scale, end: str) -> list[str]:
    """Draw where the weight changed, and how it ended; words that would touch are left out."""
    found = [
        (scale.x(point.at), f"{point.weight} %")
        for before, point in zip([None, *points], points, strict=False)
        if before is None or before.weight != point.weight
    ]
    closing = scale.x(points[-1].at)
    room = closing - 7 * len(end) - 10 if end else closing
    parts, free = [], 0.0
    for x, word in found:
        parts.append(f'<path class="mark" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        if x >= free and x + 30 <= room:
            parts.append(_text(x, TOP - 8, word, "start"))
            free = x + 7 * len(word) + 10
    if end:
        parts.append(f'<path class="end" d="M{closing:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(_text(closing, TOP - 8, end, "end"))
    return parts


def _limit(chart: Chart, scale: _Scale) -> list[str]:
    if chart.limit.max is None:
        return []
    return [f'<path class="limit" d="M{LEFT} {scale.y(chart.limit.max):.1f}H{WIDTH - RIGHT}"/>']


def _line(name: str, points: Sequence[P], scale: _Scale, pick: Callable[[P], float | None]) -> str:
    """Draw one line, broken where nothing is known."""
    steps, pen = [], "M"
    for point in points:
        number = pick(point)
        if number is None:
            pen = "M"
            continue
        steps.append(f"{pen}{scale.x(point.at):.1f} {scale.y(number):.1f}")
        pen = "L"
    return f'<path class="{name}" d="{"".join(steps)}"/>' if steps else ""


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
