"""A controller in a process of its own, to be killed: leases a split and renews it for ever."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

from chimera.platforms.envoy.rtds import RtdsServer


async def main(socket: str, layer: str, values: str, ttl_s: str, lease_s: str) -> None:
    """Say "leased" once Envoy has taken the values, then renew until killed."""
    ttl, lease = (timedelta(seconds=float(text)) for text in (ttl_s, lease_s))
    leased = json.loads(values)
    async with RtdsServer(Path(socket), ttl=ttl) as server:
        await server.set(layer, leased, lease)
        sys.stdout.write("leased\n")
        sys.stdout.flush()
        loop = asyncio.get_running_loop()

        def beat() -> None:
            if server.renew(layer, leased, lease):
                loop.call_later(0.1, beat)

        beat()
        await asyncio.Event().wait()  # for ever: once lapsed it stays alive and changes nothing


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
