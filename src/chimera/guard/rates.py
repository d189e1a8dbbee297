"""How often: reads are counted in this process, writes in the store, for all replicas together."""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import timedelta

from starlette.types import ASGIApp, Receive, Scope, Send

from chimera.app.access import Access
from chimera.app.doors import GuardSettings
from chimera.core.errors import TooMany
from chimera.guard.caller import caller_of
from chimera.guard.refusing import refusal_of
from chimera.guard.rules import SAFE

_MINUTE = timedelta(minutes=1)
_MOST_KNOWN = 10_000


class Rates:
    """Refuses what is too often, per user, or per address of those who are not signed in."""

    def __init__(self, app: ASGIApp, access: Access, settings: GuardSettings) -> None:
        self._app = app
        self._access = access
        self._writes = settings.writes_per_minute
        self._buckets = _Buckets(settings.reads_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            try:
                await self._count(scope)
            except TooMany as error:
                await refusal_of(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _count(self, scope: Scope) -> None:
        account = caller_of(scope).account
        self._buckets.take(account)
        if scope["method"] not in SAFE:
            limits = {f"write:{account}": self._writes}
            await self._access.attempts.within(limits, _MINUTE, "too many requests that change")


class _Buckets:
    """A bucket per account, refilled evenly; the least recently used is forgotten."""

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._per_s = per_minute / 60
        self._level: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, account: str) -> None:
        now = time.monotonic()
        level, at = self._level.pop(account, (self._size, now))
        level = min(self._size, level + (now - at) * self._per_s)
        self._level[account] = (max(level - 1, 0.0), now)
        if len(self._level) > _MOST_KNOWN:
            self._level.popitem(last=False)
        if level < 1:
            wait = timedelta(seconds=1)
            raise TooMany("too many requests", retry_after=wait, hint="wait a moment")
