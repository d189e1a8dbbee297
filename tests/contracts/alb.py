"""ECS behind a load balancer for the contract suites: real tasks in the practice range."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.contracts.adapters import FullInventory, Rig
from tests.support.alb import alb_service, idle_alb_stack
from tests.support.aws import configured, forget_idle, keep_idle, requests, shared_box

from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.memory import MemoryInventory

_PERIODS = 3


@asynccontextmanager
async def alb_rig(folder: Path) -> AsyncIterator[Rig]:
    """Begin with a service that was set up and never had a task; leave none behind."""
    box = await asyncio.to_thread(shared_box)
    stack = await asyncio.to_thread(idle_alb_stack, box)
    name = f"shop-{secrets.token_hex(4)}"
    service = replace(alb_service(box, stack, replicas=1), name=name)
    inventory = FullInventory(MemoryInventory())

    async def send(number: int) -> None:
        """Send, and wait until CloudWatch has it."""
        await asyncio.sleep(box.options.period_s * _PERIODS)
        url = await asyncio.to_thread(box.wait_for_url, stack.front, 60.0)
        answers = await requests(url, number)
        assert answers == {200: number}
        await asyncio.sleep(box.options.period_s * _PERIODS)

    with configured(box):
        platform = EcsAlbPlatform(inventory, str(folder))

        async def successor() -> EcsAlbPlatform:
            heir = EcsAlbPlatform(inventory, str(folder))
            await heir.start()
            return heir

        await platform.start()
        try:
            yield Rig(platform, service, inventory, send, asyncio.sleep, successor)
        finally:
            inventory.full = False
            forget_idle(stack)
            await platform.orchestrator.uninstall(service)
            keep_idle(stack)
            await platform.close()
