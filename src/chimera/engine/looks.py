"""Writing looks to the ledger without ever holding up the watch that made them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from chimera.core.errors import ChimeraError
from chimera.ports.ledger import Ledger, LookRecord

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
MAX_BATCH = 200
MAX_TRIES = 5
LONGEST_PAUSE_S = 5.0


@dataclass(slots=True)
class _Waiting:
    rollout: str
    record: LookRecord
    tries: int = 0


class LookWriter:
    """Writes in the order of arrival; up to MAX_WAITING looks wait for a ledger that is down."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[_Waiting] = deque()
        self._writing: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None

    def add(self, rollout: str, record: LookRecord) -> None:
        """Have a look written; never waits and never fails."""
        if len(self._waiting) >= MAX_WAITING:
            lost = self._waiting.popleft()
            log.error("ledger.look_lost", extra={"rollout": lost.rollout})
        self._waiting.append(_Waiting(rollout, record))
        self._empty.clear()
        self._arrived.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def last(self, rollout: str) -> LookRecord | None:
        """Return a rollout's last look, be it written yet or not; None if it has none."""
        waiting = [one.record for one in (*self._writing, *self._waiting) if one.rollout == rollout]
        return waiting[-1] if waiting else await self._ledger.last_look(rollout)

    async def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, for as long as `timeout_s` allows."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        left = len(self._waiting) + len(self._writing)
        if left:
            log.error("ledger.looks_lost", extra={"count": left})
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._arrived.wait()
            while self._waiting:
                failures = failures + 1 if await self._write() else 0
                if failures:
                    await asyncio.sleep(min(0.1 * 2 ** min(failures, 6), LONGEST_PAUSE_S))
            self._arrived.clear()
            self._empty.set()

    async def _write(self) -> bool:
        """Write what waits, together, so that it shares a commit; return whether any is left over.

        One after the other, each with a commit of its own, would be fewer than a fleet makes.
        """
        self._writing = list(islice(self._waiting, MAX_BATCH))
        for _ in self._writing:
            self._waiting.popleft()
        outcomes = await asyncio.gather(
            *(self._ledger.append_look(one.rollout, one.record) for one in self._writing),
            return_exceptions=True,
        )
        tried = list(zip(self._writing, outcomes, strict=True))
        left = [one for one, error in tried if error and self._worth_another_try(one, error)]
        self._tell_why(outcomes)
        self._writing = []
        room = MAX_WAITING - len(self._waiting)
        for lost in left[: max(len(left) - room, 0)]:
            log.error("ledger.look_lost", extra={"rollout": lost.rollout})
        self._waiting.extendleft(reversed(left[max(len(left) - room, 0) :]))
        return bool(left)

    def _worth_another_try(self, one: _Waiting, error: BaseException) -> bool:
        """Wait for a ledger that is down, drop a look that it cannot take."""
        if isinstance(error, ChimeraError):
            return True
        log.error("ledger.look_failed", extra={"rollout": one.rollout}, exc_info=error)
        one.tries += 1
        return one.tries < MAX_TRIES

    def _tell_why(self, outcomes: Sequence[BaseException | None]) -> None:
        reasons = Counter(str(error) for error in outcomes if isinstance(error, ChimeraError))
        for reason, looks in reasons.items():
            log.warning("ledger.looks_wait", extra={"reason": reason, "looks": looks})
