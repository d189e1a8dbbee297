"""Brute force: how many attempts an account and an address have, over all replicas together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address, ip_network

from chimera.core.errors import TooMany
from chimera.core.words import duration
from chimera.store.counters import Counters

WINDOW = timedelta(minutes=15)
# An account from one address; one address; an account from everywhere, high because whoever
# reaches it, which takes many addresses, locks the password of its owner out for a while.
PER_PAIR, PER_SOURCE, PER_ACCOUNT = 10, 50, 100
_WHAT = "too many attempts to sign in"


class Attempts:
    """Counts each attempt before it is checked, so that many at once gain nothing."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def begin(self, account: str, source: str) -> None:
        """Count an attempt; TooMany says when there may be another.

        What an address has no attempts left for does not count towards the account: one address
        alone could shut its owner out.
        """
        source = _network(source)
        limits = {_pair(account, source): PER_PAIR, f"try:from:{source}": PER_SOURCE}
        await self.within(limits, WINDOW, _WHAT)
        await self.within({f"try:to:{account}": PER_ACCOUNT}, WINDOW, _WHAT)

    async def link_failed(self, source: str) -> None:
        """Count a link that was none; TooMany after many from one address."""
        await self.within({f"link:from:{_network(source)}": PER_SOURCE}, WINDOW, _WHAT)

    async def succeeded(self, account: str, source: str) -> None:
        """Forget the failures before a success."""
        await self._counters.clear(_pair(account, _network(source)))

    async def within(self, limits: Mapping[str, int], window: timedelta, what: str) -> None:
        """Count one under each key, and raise TooMany beyond its limit."""
        counts = await self._counters.add(dict.fromkeys(limits, window))
        waits = [counts[key].left for key, limit in limits.items() if counts[key].count > limit]
        if waits:
            whole = timedelta(seconds=int(max(waits).total_seconds()) + 1)
            raise TooMany(what, retry_after=whole, hint=f"try again in {duration(whole)}")


def _network(source: str) -> str:
    """Return whom an address belongs to: of IPv6 everybody has a whole /64."""
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return source
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else source


def _pair(account: str, source: str) -> str:
    return f"try:pair:{account}:{source}"
