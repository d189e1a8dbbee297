"""A process that writes into a ledger and says what was acknowledged: URL NAME COUNT SHARED.

Prints "ready", then after each acknowledged write "look N" or "event N".
"""

import asyncio
import sys

from tests.support.history import NOW, entry, look, rollout

from chimera.core.model import Fence, Resource
from chimera.store import open_store


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(url: str, name: str, count: int, shared: str) -> None:
    async with open_store(url) as store:
        await store.open_rollout(rollout(name, service=name), NOW)
        say("ready")
        for number in range(count):
            await asyncio.gather(
                store.append_look(name, look(number)),
                *([store.append_look(shared, look(number))] if shared else []),
            )
            say(f"look {number}")
            await store.append(name, (entry(number + 1),))
            say(f"event {number + 1}")
            await store.inventory.record(Resource("process", f"{name}-{number}", name))
            await store.inventory.pass_fence(name, Fence(name, number))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
