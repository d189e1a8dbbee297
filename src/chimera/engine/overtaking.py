"""Ending at once, in this process, what a newer effect of the same rollout has overtaken.

Temporal tells an activity of its cancellation only at a heartbeat; a canary must not go on starting
while it is being removed. Between processes the fence of every write does the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from weakref import WeakSet

PATIENCE_S = 5.0


class Overtaking:
    """The effects that run here, by rollout and generation."""

    def __init__(self) -> None:
        self._running: dict[str, dict[asyncio.Task[object], int]] = {}
        self._overtaken: WeakSet[asyncio.Task[object]] = WeakSet()

    @asynccontextmanager
    async def enter(self, rollout: str, generation: int, *, wait: bool) -> AsyncIterator[None]:
        """Run the block as this rollout's effect; older ones end, first if `wait`."""
        me = cast("asyncio.Task[object]", asyncio.current_task())
        running = self._running.setdefault(rollout, {})
        older = [task for task, its in running.items() if its <= generation]
        running[me] = generation
        try:
            for task in older:
                self._overtaken.add(task)
                task.cancel()
            if older and wait:
                await asyncio.wait(older, timeout=PATIENCE_S)
            yield
        finally:
            del running[me]
            if not running:
                self._running.pop(rollout, None)

    def overtaken(self) -> bool:
        """Whether the current task was ended here."""
        return asyncio.current_task() in self._overtaken
