"""One real Temporal server for all tests of a process, and a rig of its own for each test."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.engine import Rig

from chimera.engine.client import EngineClient
from chimera.engine.server import EmbeddedServer
from chimera.engine.settings import EngineSettings


@pytest.fixture(scope="session")
def server_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an embedded server that lives as long as the session, on a loop of its own."""
    folder: Path = tmp_path_factory.mktemp("engine")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = EmbeddedServer(EngineSettings(folder=folder))
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
async def bare(server_address: str) -> Rig:
    """A rig without a worker, with a queue of its own."""
    settings = EngineSettings(  # patient: beside other tests a worker may wait for a processor
        task_queue=f"q-{uuid.uuid4().hex[:10]}",
        heartbeat_s=1,
        starts_per_s=200,
        answer_timeout_s=60,
    )
    client = await EngineClient.connect(settings, server_address)
    return Rig(settings, server_address, client)


@pytest.fixture
async def rig(bare: Rig) -> AsyncIterator[Rig]:
    """A rig with one worker."""
    async with bare.worker():
        yield bare
