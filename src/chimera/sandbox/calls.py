"""The log of calls: what was asked of the range, in order and in numbers."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from chimera.sandbox.wire import Asked

_READS = ("Describe", "List", "Get", "Discover", "Simulate", "BatchGet", "Search")


@dataclass(frozen=True, slots=True)
class Logged:
    """One call: `outcome` is "ok", an error's code, or "lost" (done, but the answer not sent).

    key: the id of the access key that it was signed with, which is not a secret.
    """

    at: float
    service: str
    action: str
    region: str
    outcome: str
    took_ms: float
    key: str


def is_write(action: str) -> bool:
    """Tell whether an action changes anything."""
    return not action.startswith(_READS)


class CallLog:
    """Counts every call for good and keeps the last of them."""

    def __init__(self, keep: int = 10_000) -> None:
        self._lock = threading.Lock()
        self._last: deque[Logged] = deque(maxlen=keep)
        self._counts: Counter[str] = Counter()

    def add(self, asked: Asked, outcome: str, began: float) -> None:
        """Log a call that began at `began` (monotonic)."""
        took_ms = (time.monotonic() - began) * 1000
        service, action, key = asked.service, asked.action, asked.access_key
        at, took_ms = time.time(), round(took_ms, 2)
        entry = Logged(at, service, action, asked.region, outcome, took_ms, key)
        with self._lock:
            self._last.append(entry)
            self._counts[f"{service}:{action}"] += 1

    def counts(self) -> dict[str, int]:
        """Return the number of calls by "service:Action"."""
        with self._lock:
            return dict(self._counts)

    def last(self, *, writes: bool = False) -> list[Logged]:
        """Return the calls, oldest first."""
        with self._lock:
            return [entry for entry in self._last if not writes or is_write(entry.action)]

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._last.clear()
            self._counts.clear()

    def as_json(self) -> dict[str, Any]:
        """Return counts and calls as JSON has them."""
        return {"counts": self.counts(), "calls": [asdict(entry) for entry in self.last()]}
