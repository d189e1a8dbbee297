"""Watching live: one poll of the ledger per process and rollout, however many people look on.

A cursor `"<lastLook>-<lastEvent>"` says what a viewer has; any replica goes on from it, without a
gap and without anything twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from chimera.app import reading
from chimera.app.feeds import PAGE, Cursor, Feed, House, HouseFeed, RolloutFeed, Update
from chimera.app.reports import RolloutView
from chimera.core.errors import LedgerError
from chimera.store import Store

__all__ = ["Cursor", "House", "LiveHub", "Update"]

_RETRY_S = 1.0


class LiveHub:
    """Serves all viewers of this process. `Chimera.hub()` makes it; `close` ends every stream.

    complete: adds to a view what the ledger does not know.
    """

    def __init__(
        self, store: Store, complete: Callable[[RolloutView], RolloutView] = lambda view: view
    ) -> None:
        self._store = store
        self._complete = complete
        self._rollouts: dict[str, RolloutFeed] = {}
        self._house: HouseFeed | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no stream is served any more."""
        return self._closed

    @property
    def viewers(self) -> int:
        """How many watch something now."""
        feeds = [*self._rollouts.values(), *([self._house] if self._house else [])]
        return sum(feed.viewers for feed in feeds)

    async def watch(self, rollout: str, after: str = "") -> AsyncGenerator[Update]:
        """Yield a rollout at once and then at every change, until it is over or the hub closes.

        What is new since the cursor `after` comes in order, in pieces of at most `PAGE` looks; ""
        is from the beginning. Viewers with the same cursor get the very same update.
        rollout: a whole id. RolloutNotFound; SpecError for a cursor that is none. While the ledger
        cannot be read the last view comes with `trouble`. Wrap it in `contextlib.aclosing`.
        """
        at = Cursor.read(after)
        feed = await self._join(rollout)
        try:
            while not self._closed:
                changed = feed.changed
                update = await self._next(feed, at)
                yield update
                at = update.at
                if update.over:
                    return
                if not feed.is_ahead_of(at):
                    await changed.wait()
        finally:
            self._leave(feed, rollout)

    async def watch_house(self) -> AsyncGenerator[House]:
        """Yield what is live and what ended last, at once and at every change."""
        fresh = HouseFeed(self._store, self._complete)
        if self._house is None:
            await fresh.poll()
        feed = self._house = self._house or fresh
        feed.join()
        try:
            while not self._closed:
                changed = feed.changed
                yield feed.house
                await changed.wait()
        finally:
            feed.leave()
            if not feed.viewers and self._house is feed:
                self._house = None

    async def close(self) -> None:
        """End every stream of this process."""
        self._closed = True
        feeds: list[Feed] = [*self._rollouts.values(), *([self._house] if self._house else [])]
        for feed in feeds:
            feed.announce()
        await asyncio.sleep(0)

    async def _join(self, rollout: str) -> RolloutFeed:
        feed = self._rollouts.get(rollout)
        if feed is None:
            fresh = await RolloutFeed.of(self._store, rollout, self._complete)
            feed = self._rollouts.setdefault(rollout, fresh)
        feed.join()
        return feed

    def _leave(self, feed: RolloutFeed, rollout: str) -> None:
        feed.leave()
        if not feed.viewers and self._rollouts.get(rollout) is feed:
            del self._rollouts[rollout]

    async def _next(self, feed: RolloutFeed, at: Cursor) -> Update:
        if feed.remembers(at):
            return feed.since(at)
        head = feed.head
        try:
            events = await self._store.events(feed.rollout, after=at.event)
            looks = await self._store.looks(feed.rollout, after=at.look, limit=PAGE)
        except LedgerError as error:
            await asyncio.sleep(_RETRY_S)
            return feed.update(at, trouble=str(error))
        # A short piece holds all that the feed knew of, even if the last of it was pruned since.
        known = looks[-1].position if looks else 0
        last = known if len(looks) == PAGE else max(known, head.look, at.look)
        seq = max(events[-1].seq if events else 0, at.event)
        return feed.update(
            Cursor(last, seq),
            tuple(reading.line(one) for one in events),
            tuple(reading.look_view(one) for one in looks),
        )
