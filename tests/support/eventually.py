"""Wait for a condition with a deadline, instead of sleeping for luck."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

_T = TypeVar("_T")


@overload
async def eventually(
    condition: Callable[[], Awaitable[_T]], *, within_s: float = ..., every_s: float = ...
) -> _T: ...
@overload
async def eventually(
    condition: Callable[[], _T], *, within_s: float = ..., every_s: float = ...
) -> _T: ...
async def eventually(
    condition: Callable[[], _T | Awaitable[_T]], *, within_s: float = 60.0, every_s: float = 0.05
) -> _T:
    """Return the condition's first true value; fail after `within_s` with the last one seen."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        seen = cast("_T", await value if inspect.isawaitable(value) else value)
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within_s:g} s, last {seen!r}")
        await asyncio.sleep(every_s)
