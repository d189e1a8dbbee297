"""What is polled for the viewers of this process: one rollout, or the house as a whole."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chimera.app import reading
from chimera.app.reports import Line, LookView, RolloutView
from chimera.core.errors import ChimeraError, SpecError
from chimera.store import RolloutRow, Store

log = logging.getLogger(__name__)

PAGE = 500
KEPT = 500
RECENT = 10
MOST_LIVE = 200
_ROLLOUT_POLL_S, _HOUSE_POLL_S = 0.25, 0.5
_SLOWEST_POLL_S = 5.0
_CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")

Complete = Callable[[RolloutView], RolloutView]


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a viewer has: all looks up to `look`, all events up to `event`."""

    look: int = 0
    event: int = 0

    def __str__(self) -> str:
        return f"{self.look}-{self.event}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Read what `str` wrote; "" is the beginning; SpecError otherwise."""
        found = _CURSOR.fullmatch(text) if text else None
        if text and found is None:
            raise SpecError(
                "the cursor of a stream is '<last look>-<last event>', e.g. 120-7",
                hint="leave it out to begin at the beginning",
            )
        return cls(int(found[1]), int(found[2])) if found else cls()


@dataclass(frozen=True, slots=True)
class Update:
    """A rollout as it is now, and what is new since a viewer's cursor.

    at: the cursor after it. over: nothing more will come. trouble: why the ledger cannot be read
    at the moment, or "". memo: a door keeps here what it made of this update, for other viewers.
    """

    at: Cursor
    view: RolloutView
    lines: tuple[Line, ...] = ()
    looks: tuple[LookView, ...] = ()
    over: bool = False
    trouble: str = ""
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def cursor(self) -> str:
        """The cursor as text, for a stream's event id."""
        return str(self.at)


@dataclass(frozen=True, slots=True)
class House:
    """The live rollouts, the last opened first, and those that ended last. trouble: as above."""

    live: tuple[RolloutView, ...] = ()
    recent: tuple[RolloutView, ...] = ()
    trouble: str = ""
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


class Feed:
    """Polls while somebody watches. changed: set at the next change, then another takes its place.

    A ledger that cannot be read is asked less and less often.
    """

    period_s = _ROLLOUT_POLL_S

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.viewers = 0
        self.trouble = ""
        self._task: asyncio.Task[None] | None = None

    def join(self) -> None:
        """Count a viewer; the first one starts the polling."""
        self.viewers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self) -> None:
        """Forget a viewer; the last one ends the polling."""
        self.viewers -= 1
        if not self.viewers and self._task is not None:
            self._task.cancel()
            self._task = None

    def announce(self) -> None:
        """Wake who waits for a change."""
        before, self.changed = self.changed, asyncio.Event()
        before.set()

    async def poll(self) -> bool:
        """Look once; say whether anything changed. ChimeraError if the ledger cannot be read."""
        raise NotImplementedError

    async def _run(self) -> None:
        pause = self.period_s
        while True:
            await asyncio.sleep(pause)
            try:
                changed, trouble = await self.poll(), ""
                pause = self.period_s
            except ChimeraError as error:
                changed, trouble = False, str(error)
                pause = min(2 * pause, _SLOWEST_POLL_S)
                log.warning("live.not_read", extra={"reason": trouble})
            except Exception:  # a fault of ours must not leave viewers waiting for ever
                changed, trouble = False, "internal error: the controller's log has the details"
                pause = _SLOWEST_POLL_S
                log.exception("live.failed")
            if changed or trouble != self.trouble:
                self.trouble = trouble
                self.announce()


class RolloutFeed(Feed):
    """One rollout. It remembers the last `KEPT` looks and events, and its viewers share updates.

    head: what is known of it. What was before the first viewer each reads from the ledger.
    """

    def __init__(
        self, store: Store, row: RolloutRow, pulse: tuple[int, ...], complete: Complete
    ) -> None:
        super().__init__()
        self.rollout = row.id
        self.head = self._base = Cursor(row.looks, row.events)
        self._store = store
        self._complete = complete
        self._pulse = pulse
        self._row = row
        self._view = complete(reading.view(row))
        self._lines: deque[Line] = deque()
        self._looks: deque[LookView] = deque()
        self._updates: dict[Cursor, Update] = {}

    @classmethod
    async def of(cls, store: Store, rollout: str, complete: Complete) -> RolloutFeed:
        """Return the feed of a rollout as it is now; RolloutNotFound unless the id is whole."""
        pulse = await store.pulse(rollout)
        return cls(store, await store.get(rollout), pulse, complete)

    async def poll(self) -> bool:
        """Read what is new, if the pulse says that anything is."""
        before = self._view, self.head
        pulse = await self._store.pulse(self.rollout)
        if pulse != self._pulse:
            self._row = await self._store.get(self.rollout)
            await self._read()
            self._pulse = pulse
        self._view = self._complete(reading.view(self._row))
        return (self._view, self.head) != before

    async def _read(self) -> None:
        events = await self._store.events(self.rollout, after=self.head.event)
        looks = await self._store.looks(self.rollout, after=self.head.look)
        self._lines.extend(reading.line(one) for one in events)
        self._looks.extend(reading.look_view(one) for one in looks)
        self.head = Cursor(
            looks[-1].position if looks else self.head.look,
            events[-1].seq if events else self.head.event,
        )
        look, event = self._base.look, self._base.event
        while len(self._looks) > KEPT:
            look = self._looks.popleft().number
        while len(self._lines) > KEPT:
            event = self._lines.popleft().seq
        self._base = Cursor(look, event)

    def announce(self) -> None:
        """Wake who waits for a change; updates made before it are old."""
        self._updates.clear()
        super().announce()

    def remembers(self, at: Cursor) -> bool:
        """Whether all since a cursor is here."""
        return self._base.look <= at.look and self._base.event <= at.event

    def is_ahead_of(self, at: Cursor) -> bool:
        """Whether there is more than a cursor has."""
        return self.head.look > at.look or self.head.event > at.event

    def since(self, at: Cursor) -> Update:
        """Return what is new since a remembered cursor: one update for all who ask with it."""
        known = self._updates.get(at)
        if known is None:
            head = Cursor(max(at.look, self.head.look), max(at.event, self.head.event))
            known = self.update(
                head,
                tuple(one for one in self._lines if one.seq > at.event),
                tuple(one for one in self._looks if one.number > at.look),
            )
            if head == self.head:  # a made-up cursor from the future is not kept
                self._updates[at] = known
        return known

    def update(
        self,
        at: Cursor,
        lines: tuple[Line, ...] = (),
        looks: tuple[LookView, ...] = (),
        trouble: str = "",
    ) -> Update:
        """Return an update with the view of now; it is over only for who has everything."""
        over = not self._row.live and not self.is_ahead_of(at)
        return Update(at, self._view, lines, looks, over, trouble or self.trouble)


class HouseFeed(Feed):
    """What is live in the house and what ended last."""

    period_s = _HOUSE_POLL_S

    def __init__(self, store: Store, complete: Complete) -> None:
        super().__init__()
        self._store = store
        self._complete = complete
        self._pulse: tuple[int, ...] = ()
        self._live: tuple[RolloutRow, ...] = ()
        self._recent: tuple[RolloutRow, ...] = ()
        self.house = House()

    async def poll(self) -> bool:
        """Read what is live again, if the pulse says that anything of it changed."""
        pulse = await self._store.pulse()
        if pulse != self._pulse:
            self._live = await self._store.find(live=True, limit=MOST_LIVE)
            self._recent = await self._store.find(live=False, limit=RECENT)
            self._pulse = pulse
        now = House(self._views(self._live), self._views(self._recent))
        changed, self.house = now != self.house, now
        return changed

    def _views(self, rows: tuple[RolloutRow, ...]) -> tuple[RolloutView, ...]:
        return tuple(self._complete(reading.view(row)) for row in rows)

    def announce(self) -> None:
        """Wake who waits for a change."""
        self.house = replace(self.house, trouble=self.trouble, memo={})
        super().announce()
