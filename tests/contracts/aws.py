"""ECS with App Mesh for the contract suites: real tasks behind real Envoys in a range."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.contracts.adapters import FullInventory, Rig
from tests.support.aws import (
    configured,
    forget_idle,
    idle_stack,
    keep_idle,
    mesh_service,
    requests,
    shared_box,
)

from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.platforms.memory import MemoryInventory

_PERIODS = 3


@asynccontextmanager
async def appmesh_rig(folder: Path) -> AsyncIterator[Rig]:
    """Begin with a service that was set up and never had a task; leave none behind."""
    box = await asyncio.to_thread(shared_box)
    stack = await asyncio.to_thread(idle_stack, box)
    service = mesh_service(box, stack, replicas=1)
    inventory = FullInventory(MemoryInventory())

    async def send(number: int) -> None:
        """Send, and wait until CloudWatch has it."""
        await asyncio.sleep(box.options.period_s * _PERIODS)
        url = await asyncio.to_thread(box.wait_for_url, stack.front, 60.0)
        answers = await requests(url, number)
        assert answers == {200: number}
        await asyncio.sleep(box.options.period_s * _PERIODS)

    with configured(box):
        platform = EcsAppMeshPlatform(inventory, str(folder))

        async def successor() -> EcsAppMeshPlatform:
            heir = EcsAppMeshPlatform(inventory, str(folder))
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
