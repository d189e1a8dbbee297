"""The last minutes of both arms, for rules that judge whole windows."""

from __future__ import annotations

from collections import deque

import numpy as np

from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats


class Window:
    """Remembers looks that cover the last `seconds`."""

    def __init__(self, seconds: int, look_s: int) -> None:
        self.looks: deque[Seen] = deque(maxlen=max(seconds // look_s, 1))

    def add(self, seen: Seen) -> None:
        """Take in a look."""
        self.looks.append(seen)

    def requests(self, arm: int = 1) -> Floats:
        """Count requests of an arm: 0 stable, 1 canary."""
        return np.asarray(sum(seen.n[arm] for seen in self.looks), float)

    def errors(self, arm: int = 1) -> Floats:
        """Count failed requests of an arm."""
        return np.asarray(sum(seen.failed[arm] for seen in self.looks), float)

    def slow(self, cell: int = 3, arm: int = 1) -> Floats:
        """Count requests in a latency cell and beyond; by default over 500 ms."""
        return np.asarray(sum(seen.cells[arm][:, cell:].sum(1) for seen in self.looks), float)


def over_limits(window: Window, max_errors: float, max_slow: float) -> tuple[Bools, Bools]:
    """Return (a limit is exceeded, there is no data) for the canary."""
    n = window.requests()
    empty = n == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        bad = (window.errors() / n > max_errors) | (window.slow() / n > max_slow)
    return bad & ~empty, empty
