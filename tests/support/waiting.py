"""Wait for a condition in a test without a loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def wait_until(condition: Callable[[], _T], *, within_s: float = 90.0) -> _T:
    """Return the condition's first true value; fail after `within_s` with the last one seen."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within_s:g} s, last {value!r}")
        time.sleep(0.05)
    return value
