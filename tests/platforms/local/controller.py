"""A controller in a process of its own, to be killed: a canary at 50 % whose lease it renews.

python controller.py FOLDER SERVICE_JSON LEASE_S [resume]
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta

from chimera.core.model import Fence, Service, Split
from chimera.platforms.local.platform import LocalPlatform
from chimera.store import open_store


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def main(folder: str, described: str, lease_s: str, *mode: str) -> None:
    """Say "leased" once the weight is in force, then renew until killed; "lost" if it is gone."""
    lease = timedelta(seconds=float(lease_s))
    async with open_store(f"sqlite:///{folder}/ledger.db") as store:
        platform = LocalPlatform(store.inventory, f"{folder}/local")
        await platform.start()
        service = Service("web", "local", json.loads(described))
        fence, split = Fence("r1", 1), Split("v1", "v2", 50)
        if "resume" not in mode:
            v1, v2 = (platform.revision(service, version=v, image="") for v in ("v1", "v2"))
            await platform.orchestrator.install(service, v1, Fence("r0", 1))
            await platform.orchestrator.start(service, v2, None, fence)
            await platform.router.set_weights(service, split, fence, lease)
        while await platform.router.renew(service, split, fence, lease) == split:
            say("leased")
            await asyncio.sleep(0.2)
        say("lost")
        await platform.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
