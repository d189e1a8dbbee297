"""Which revision is behind a virtual node or a target group."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from chimera.platforms.aws.arms import Backend, arm_behind
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.naming import REVISION

_BELIEVED_S = 60.0


class Names:
    """Remembers for a minute what was found, as routes are read several times a minute."""

    def __init__(self, read: Callable[[Site, str], Awaitable[Backend]]) -> None:
        self._read = read
        # (service, backend) -> (revision, until when that is believed)
        self._known: dict[tuple[str, str], tuple[str, float]] = {}

    async def of(self, site: Site, backend: str) -> str:
        """Return which revision a node or group leads to, "" if none runs there yet."""
        key, now = (site.service.name, backend), time.monotonic()
        known, until = self._known.get(key, ("", 0.0))
        if now < until:
            return known
        found = await self._read(site, backend)
        if found.ours:
            name = found.tags[REVISION]
        else:
            arm = await arm_behind(site, found)
            if arm.idle:
                return ""
            name = arm.revision.name
        self._known[key] = (name, now + _BELIEVED_S)
        return name
