"""Who may call next: a bound on calls at once, with a lane for what gives users back."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chimera.ports.urgency import is_urgent


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter: before try n (from 1) wait anything up to base_s * 2^n, at most most_s.

    throttled: how many tries a throttled call has: it is certain that AWS answers, not when.
    """

    tries: int
    throttled: int
    base_s: float
    most_s: float

    def most(self, *, throttled: bool) -> int:
        """Return how many tries a call has that was last answered so."""
        return self.throttled if throttled else self.tries

    def pause_s(self, failed: int) -> float:
        """Draw how long to wait after this many failed tries."""
        most = min(self.base_s * float(2**failed), self.most_s)
        return random.uniform(0.0, most)  # noqa: S311 - it only spreads the calls


PATIENT = Backoff(tries=6, throttled=16, base_s=0.1, most_s=4.0)
URGENT = Backoff(tries=12, throttled=24, base_s=0.05, most_s=0.5)


class Lane:
    """At most `width` calls at once; waiting urgent ones go first, the others in their order.

    reserved: so many more may be urgent ones, so that calls without an answer do not hold them up.
    After a throttled call the others hold back for a while, so that the urgent ones get through,
    and then share half of the places; each call that goes well gives a little of them back. Urgent
    calls may always use all of them.
    """

    def __init__(self, width: int, reserved: int = 0) -> None:
        self._width = width
        self._reserved = reserved
        self._places = float(width)
        self._busy = 0
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._quiet_until = 0.0

    @property
    def places(self) -> int:
        """How many calls that are not urgent may be under way."""
        return int(self._places)

    def hold_back(self, seconds: float) -> None:
        """Keep calls that are not urgent waiting for this long, and fewer at once afterwards."""
        now = asyncio.get_running_loop().time()
        if now >= self._quiet_until:  # of calls that were sent together one counts
            self._places = max(1.0, self._places / 2)
        self._quiet_until = max(self._quiet_until, now + seconds)

    def went_well(self) -> None:
        """Let a little more be under way: one more after as many calls as there are places."""
        self._places = min(float(self._width), self._places + 1 / self._places)
        self._wake()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for this caller's turn and hold it."""
        hurry = is_urgent()
        if not hurry:
            await self._quiet()
        if self._may(hurry=hurry):
            self._busy += 1
        else:
            await self._queue(hurry)
        try:
            yield
        finally:
            self._leave()

    def _may(self, *, hurry: bool) -> bool:
        return self._busy < (self._width + self._reserved if hurry else self.places)

    async def _quiet(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            await asyncio.sleep(self._quiet_until - now)

    async def _queue(self, hurry: bool) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not hurry, next(self._number), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._busy -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            patient, _, waiting = self._waiting[0]
            if not waiting.done() and not self._may(hurry=not patient):
                return
            heapq.heappop(self._waiting)
            if not waiting.done():
                self._busy += 1
                waiting.set_result(None)
