"""What charts show of the looks: each version's value per look, thinned to what a screen can hold.

Values are what users met in that interval alone; the judge weighs all of a step together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chimera.app.reports import LookView
from chimera.core.analysis.cells import quantile_ms
from chimera.core.model import Look, Tally
from chimera.core.plan import AnalysisPlan, Limit

MOST = 400


@dataclass(frozen=True, slots=True)
class Point:
    """One or several looks. number: of its last look. verdict: the judge's word after it.

    values: (canary, stable) per limit in the plan's order, in the limit's unit, None is unknown.
    """

    number: int
    at: datetime
    weight: int
    values: tuple[tuple[float | None, float | None], ...]
    verdict: str
    gap: str = ""


def points(plan: AnalysisPlan, looks: Sequence[LookView], most: int = MOST) -> tuple[Point, ...]:
    """Return at most about `most` points, oldest first; looks beside each other are summed."""
    size = -(-len(looks) // most) if most else 1
    return tuple(_point(plan, group) for group in _groups(looks, max(size, 1)))


def _groups(looks: Iterable[LookView], size: int) -> Iterable[Sequence[LookView]]:
    """Yield up to `size` neighbours at a time, of one weight, all usable or all gaps."""
    group: list[LookView] = []
    for one in looks:
        alike = not group or (
            group[0].look.weight == one.look.weight
            and bool(group[0].look.gap) == bool(one.look.gap)
        )
        if group and (len(group) == size or not alike):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _point(plan: AnalysisPlan, group: Sequence[LookView]) -> Point:
    last = group[-1]
    canary = _summed([one.look.canary for one in group])
    stable = _summed([one.look.stable for one in group])
    return Point(
        number=last.number,
        at=last.look.at,
        weight=last.look.weight,
        values=tuple(_pair(limit, last.look, canary, stable) for limit in plan.limits),
        verdict=last.judgement.verdict.value,
        gap=last.look.gap,
    )


def _pair(
    limit: Limit, look: Look, canary: Tally, stable: Tally
) -> tuple[float | None, float | None]:
    if look.gap:
        return None, None
    return _value(limit, canary), _value(limit, stable)


def _value(limit: Limit, tally: Tally) -> float | None:
    if limit.quantile is not None:
        return quantile_ms(tally, limit.quantile)
    return tally.errors / tally.requests if tally.requests else None


def _summed(tallies: Sequence[Tally]) -> Tally:
    """Add up tallies; those of other latency buckets count for their requests only."""
    total = tallies[-1]
    for one in tallies[:-1]:
        same = one.bounds_ms == total.bounds_ms
        cells = tuple(a + b for a, b in zip(total.cells, one.cells, strict=True)) if same else ()
        total = replace(
            total,
            requests=total.requests + one.requests,
            errors=total.errors + one.errors,
            cells=cells or total.cells,
        )
    return total
