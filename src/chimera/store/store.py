"""The store: the ledger and the inventory in one database, and what the doors ask of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from chimera.core.errors import LedgerError
from chimera.core.model import Look
from chimera.core.plan import Rollout
from chimera.core.state import Phase
from chimera.ports.ledger import Entry, LookRecord
from chimera.store import append, holds, measures, openings, prune, pulse, queries, verify
from chimera.store.counters import Counters
from chimera.store.database import Database, parse_url
from chimera.store.documents import Documents
from chimera.store.faults import place
from chimera.store.group import GroupCommit
from chimera.store.inventory import StoreInventory
from chimera.store.people import People
from chimera.store.rows import EventRow, LookRow, RolloutRow, Verification
from chimera.store.trail import Trail

log = logging.getLogger(__name__)

_READ = "reading it"
_WRITE = "writing to it"


def sqlite_url(file: Path) -> str:
    """Return the URL of a SQLite ledger in a file, whatever characters its path has."""
    return sa.URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def open_store(url: str, *, migrate: bool = True) -> Store:
    """Return the store at `url`, to be entered (`async with`) or opened with `open()`.

    url: `sqlite:////absolute/path` (made if it is not there) or `postgresql+psycopg://...`.
    migrate: bring an older schema up to date, SQLite after a backup beside the file; without it an
    older or empty database is refused.
    Every failure is a LedgerError; the store works again as soon as the cause is gone.
    """
    return Store(Database(parse_url(url)), migrate=migrate)


class Store:
    """Implements the port Ledger; safe for many tasks, and for several processes.

    inventory: the port Inventory, in the same database. people, documents, counters, trail: what
    it knows of those who use it.
    """

    def __init__(self, database: Database, *, migrate: bool) -> None:
        self._database = database
        self._migrate = migrate
        self._group = GroupCommit(database)
        self.inventory = StoreInventory(database)
        self.people = People(database)
        self.documents = Documents(database)
        self.counters = Counters(database)
        self.trail = Trail(database)

    @property
    def location(self) -> str:
        """Where the data is, without a password."""
        return place(self._database.url)

    async def open(self) -> None:
        """Connect, and make or migrate the schema."""
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        from chimera.store.schema import prepare

        self._database.open()
        try:
            prepare(self._database, migrate=self._migrate)
        except BaseException:
            self._database.close()
            raise

    async def close(self) -> None:
        """Finish what was begun and disconnect. Idempotent."""
        await asyncio.to_thread(self._database.close)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # The ledger

    async def open_rollout(self, rollout: Rollout, at: datetime, engine: str = "") -> None:
        """Record a definition and take its service. The same again is a no-op.

        engine: the name of what drives it, "" if it has none. RolloutConflict if another rollout
        holds the service; LedgerError for another definition.
        """
        await self._database.write(openings.opening(rollout, at, engine), _WRITE)

    async def append(self, rollout: str, entries: tuple[Entry, ...]) -> None:
        """Append events in one transaction; the last one's state becomes the rollout's.

        What is there already with the same content is skipped. A state that is over lets go of the
        service. LedgerError on a gap, another content, or an unknown rollout.
        """
        if entries:
            await self._group.append(append.events_item(rollout, entries))

    async def append_look(self, rollout: str, record: LookRecord) -> None:
        """Append one look; for readers it replaces one of the same generation and number."""
        await self._group.append(append.look_item(rollout, record))

    async def last_look(self, rollout: str) -> LookRecord | None:
        """Return the look of a rollout that was written last, None if it has none."""
        return await self._database.read(queries.last_look(rollout), _READ)

    async def release(self, rollout: str, reason: str) -> bool:
        """Make a rollout let go of its service although it is not over; False if it held none.

        For one that the engine never began or has lost. It stays on record and cannot begin.
        """
        work = openings.releasing(rollout, reason, datetime.now(UTC))
        return await self._database.write(work, _WRITE)

    @asynccontextmanager
    async def held(self, service: str, holder: str) -> AsyncIterator[None]:
        """Keep rollouts of a service from beginning; RolloutConflict if one is under way.

        The same holder may do so again, as after a crash: its hold lasts `holds.LONGEST`.
        """
        await self._database.write(holds.holding(service, holder), _WRITE)
        try:
            yield
        finally:
            try:
                await self._database.write(holds.letting_go(service, holder), _WRITE)
            except LedgerError as error:  # it ends by itself
                log.warning("ledger.hold_stays", extra={"service": service, "reason": str(error)})

    # What the doors ask

    async def get(self, rollout: str) -> RolloutRow:
        """Return a rollout by its id or an id's unique beginning; RolloutNotFound otherwise."""
        return await self._database.read(queries.get(rollout), _READ)

    async def find(
        self,
        service: str = "",
        live: bool | None = None,
        phase: Phase | Iterable[Phase] = (),
        limit: int = 50,
        before: str = "",
        among: Collection[str] | None = None,
        engines: Collection[str] | None = None,
    ) -> tuple[RolloutRow, ...]:
        """Return rollouts, the last opened first. before: an id; only those opened earlier.

        among: only of these services. engines: only those that one of these drives, or that name
        none.
        """
        phases = (phase,) if isinstance(phase, Phase) else tuple(phase)
        if service:
            among = {service} if among is None else {service} & set(among)
        work = queries.find(among, live, phases, limit, before, engines)
        return await self._database.read(work, _READ)

    async def live(self, service: str) -> RolloutRow | None:
        """Return the rollout that holds a service, if one does."""
        return next(iter(await self.find(service, live=True, limit=1)), None)

    async def events(self, rollout: str, after: int = 0) -> tuple[EventRow, ...]:
        """Return a rollout's events with a seq above `after`, oldest first."""
        return await self._database.read(queries.events(rollout, after), _READ)

    async def looks(
        self, rollout: str, after: int = 0, limit: int | None = None
    ) -> tuple[LookRow, ...]:
        """Return looks with a position above `after`, oldest first, at most `limit`."""
        return await self._database.read(queries.looks(rollout, after, limit), _READ)

    async def bare_looks(self, rollout: str, steps: Collection[int], each: int) -> tuple[Look, ...]:
        """Return the first looks of some steps, oldest first, without judgements; it is quick.

        each: how many of each step. They follow each other without a gap within a step.
        """
        return await self._database.read(queries.bare_looks(rollout, steps, each), _READ)

    async def services(self) -> tuple[str, ...]:
        """Return the names of all services that ever had a rollout, sorted."""
        return await self._database.read(queries.services, _READ)

    async def pulse(self, rollout: str = "") -> tuple[int, ...]:
        """Return numbers that differ once anything of a rollout changed, or of any if "" is given.

        For who watches: no row is read for it. RolloutNotFound unless the id is a whole one.
        """
        work = pulse.of_rollout(rollout) if rollout else pulse.of_all
        return await self._database.read(work, _READ)

    async def last_looks(self) -> dict[str, LookRow]:
        """Return the last look of each live rollout that has one, by rollout."""
        return await self._database.read(measures.last_looks, _READ)

    async def endings(self) -> tuple[tuple[str, str, int], ...]:
        """Return how many rollouts ended in each phase: (service, phase, count)."""
        return await self._database.read(measures.endings, _READ)

    # Keeping it

    async def verify(self, known_head: str = "") -> Verification:
        """Check every row of every chain, and what is derived from them, as of one moment.

        known_head: the `head` of a former verification, noted elsewhere: it must still be in there.
        """
        return await self._database.read(verify.verifying(known_head), "verifying it")

    async def prune(self, older_than: datetime) -> int:
        """Delete looks from before a moment, of live rollouts too; return how many. Events stay."""
        now, doing = datetime.now(UTC), "pruning it"
        deleted = 0
        for rollout in await self._database.read(prune.prunable(older_than), doing):
            deleted += await self._database.write(prune.pruning(rollout, older_than, now), doing)
        return deleted
