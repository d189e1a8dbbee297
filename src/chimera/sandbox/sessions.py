"""Sessions of assumed roles: each ends when its credentials say, and then its calls are refused."""

from __future__ import annotations

import threading
import time


class Sessions:
    """When each session ends, by its access key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    def begin(self, access_key: str, ends_at: float) -> None:
        """Note a session; `ends_at` in epoch seconds."""
        with self._lock:
            self._ends[access_key] = ends_at

    def has_ended(self, access_key: str) -> bool:
        """Whether this is the key of a session that is over."""
        with self._lock:
            return self._ends.get(access_key, float("inf")) < time.time()
