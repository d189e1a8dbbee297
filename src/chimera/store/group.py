"""Group commit: what arrives while a transaction runs goes into the next one, together."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from chimera.core.errors import ChimeraError, LedgerError
from chimera.store.append import Item, append_all
from chimera.store.database import Database

_MAX_BATCH = 1_000
_DOING = "appending to it"
_Waiting = tuple[Item, "asyncio.Future[None]"]
_Outcome = tuple["asyncio.Future[None]", ChimeraError | None]


class GroupCommit:
    """Appends items on the database's writer thread; `append` returns when its item is on disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    async def append(self, item: Item) -> None:
        """Append and wait for the commit; raises why this item was refused."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            if not self._waiting:
                self._database.submit(self._drain)
            self._waiting.append((item, future))
        await future

    def _drain(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), _MAX_BATCH):
            part = waiting[start : start + _MAX_BATCH]
            outcomes = self._write([item for item, _ in part])
            _tell([(future, outcome) for (_, future), outcome in zip(part, outcomes, strict=True)])

    def _write(self, items: Sequence[Item]) -> list[ChimeraError | None]:
        def work(connection: sa.Connection) -> list[ChimeraError | None]:
            return append_all(connection, items)

        try:
            return self._database.run_write(work, _DOING)
        except ChimeraError as error:
            return [LedgerError(str(error), hint=error.hint) for _ in items]
        except Exception as error:  # whatever it is, nobody may wait for ever
            return [LedgerError(f"the ledger failed while {_DOING}: {error!r}") for _ in items]


def _tell(outcomes: Sequence[_Outcome]) -> None:
    """Wake the callers, once per event loop: a thousand wake-ups cost more than the commit."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_loop[outcome[0].get_loop()].append(outcome)
    for loop, part in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, part)


def _resolve(outcomes: Sequence[_Outcome]) -> None:
    for future, error in outcomes:
        if future.done():  # its caller was cancelled; the row is written all the same
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
