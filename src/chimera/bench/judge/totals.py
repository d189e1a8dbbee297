"""What each look shows, added up once for all rules: sums over time and over bands of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chimera.bench.judge.world import Floats, Ints, Traces

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at all runs: requests, failed and latency cells of (stable, canary).

    Arrays are (runs,) and (runs, 4). weight: in percent; `changed`: since the last look.
    """

    second: int
    span: int
    weight: Floats
    changed: Bools
    n: tuple[Ints, Ints]
    failed: tuple[Ints, Ints]
    cells: tuple[Ints, Ints]


class Totals:
    """Running totals of traces, so that a look of any length costs the same.

    seconds, runs: how many. edges: the upper edges of the bands, in percent.
    """

    def __init__(self, traces: Traces) -> None:
        stable, canary = (0, 1)
        self._n = _canary(traces.requests), _stable(traces.requests)
        self._failed = _canary(traces.failed[canary]), _stable(traces.failed[stable])
        self._cells = _canary(traces.cells[canary]), _stable(traces.cells[stable])
        self._excess = _canary(traces.excess)
        self.seconds, self.runs, _ = traces.requests.shape
        self.edges = traces.edges
        self._each = np.arange(self.runs)

    def excess(self, since: int, until: int, band: Ints) -> Floats:
        """Return the bad responses that the canary added between two seconds, per run."""
        return np.asarray(self._between(self._excess, since, until, band), dtype=np.float64)

    def seen(self, second: int, span: int, band: Ints, weight: Floats, changed: Bools) -> Seen:
        """Return the look of `span` seconds that ends at `second`."""
        n, failed, cells = (
            tuple(self._between(arm, second - span, second, band) for arm in reversed(both))
            for both in (self._n, self._failed, self._cells)
        )
        return Seen(
            second,
            span,
            weight,
            changed,
            (n[0], n[1]),
            (failed[0], failed[1]),
            (cells[0], cells[1]),
        )

    def _between(self, sums: npt.NDArray[Any], since: int, until: int, band: Ints) -> Any:
        return sums[until, self._each, band] - sums[since, self._each, band]


def _canary(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the totals of the bands up to each: (seconds + 1, runs, bands, ...)."""
    return _over_time(np.cumsum(counts, axis=2))


def _stable(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the totals of the bands beyond each."""
    inner = np.cumsum(counts, axis=2)
    return _over_time(inner[:, :, -1:] - inner)


def _over_time(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    start = np.zeros((1, *counts.shape[1:]), counts.dtype)
    return np.concatenate([start, np.cumsum(counts, axis=0)])
