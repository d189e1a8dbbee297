"""Stopping in order: a signal ends the work, and what the work had started is ended first.

What it started lives in sessions of its own: nobody else would end it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

_T = TypeVar("_T")

STOPPING = "stopping: everything that was started is ended first"
STILL = "still cleaning up; it ends by itself as soon as nothing is left"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, closed the terminal or sent SIGTERM."""


async def interruptible(work: Awaitable[_T], say: Callable[[str], None]) -> _T:
    """Run some work; the first signal makes it clean up, more of them change nothing.

    Raises Interrupted if it was stopped, whatever came of the cleanup.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        words = STILL if stopped.is_set() else STOPPING
        if not stopped.is_set():
            stopped.set()
            task.cancel()
        with suppress(OSError):  # the terminal may be gone
            say(words)

    for number in _SIGNALS:
        # With `nohup` a closed terminal is to be survived.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop)
    try:
        return await task
    except (Exception, asyncio.CancelledError) as error:
        if stopped.is_set():
            raise Interrupted from error
        raise


async def to_its_end(work: Awaitable[_T]) -> _T:
    """Do what must not be left half done, such as cleaning up: a cancellation waits for its end."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    done = task.result()
    if cancelled is not None:
        raise cancelled
    return done
