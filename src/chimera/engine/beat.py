"""Telling Temporal that an activity is alive, and what another worker would need to go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import TypeAdapter, ValidationError
from temporalio import activity

from chimera.engine.messages import WatchMemory

log = logging.getLogger(__name__)

_MEMORY = TypeAdapter(WatchMemory)


class Beat:
    """memory: what the next heartbeat carries; None for an activity that starts over."""

    def __init__(self) -> None:
        self.memory: WatchMemory | None = None

    def send(self) -> None:
        """Heartbeat now; the SDK sends at most one per four fifths of the heartbeat timeout."""
        if self.memory is None:
            activity.heartbeat()
        else:
            activity.heartbeat(self.memory)


@asynccontextmanager
async def beating() -> AsyncIterator[Beat]:
    """Heartbeat in the background, twice per heartbeat timeout, until the block is left."""
    timeout = activity.info().heartbeat_timeout
    beat = Beat()
    if timeout is None:
        yield beat
        return
    task = asyncio.create_task(_beat(beat, timeout.total_seconds() / 2))
    try:
        yield beat
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat(beat: Beat, period_s: float) -> None:
    while True:
        await asyncio.sleep(period_s)
        beat.send()


def last_memory() -> WatchMemory | None:
    """Return what a former attempt left in its last heartbeat; None if nothing that can be read."""
    details = activity.info().heartbeat_details
    if not details:
        return None
    try:
        return _MEMORY.validate_python(details[0])
    except ValidationError:
        log.warning("watch.memory_unreadable")
        return None
