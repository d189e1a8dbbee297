"""The controller: the process that holds the platforms, the engine's server and a worker.

One per data folder. It lives in a session of its own when a command started it, so that closing a
terminal never stops a rollout; what it serves to users (Envoy, processes) outlives it in any case.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chimera import __version__
from chimera.app.engines import Engines
from chimera.app.launch import IDLE_S, is_wanted
from chimera.app.lock import Controller, hold_controller_lock
from chimera.app.operations import Chimera
from chimera.app.reviving import resume
from chimera.app.settings import Settings
from chimera.core.errors import ChimeraError
from chimera.engine.client import EngineClient
from chimera.engine.deps import EngineDeps
from chimera.engine.server import EmbeddedServer
from chimera.engine.worker import run_worker
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store

log = logging.getLogger(__name__)

_POLL_S = 0.1
_DAY_S = 86_400.0


# What serves people beside the worker: entered with the service functions, it gives its address.
Door = Callable[[Chimera], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def controller(
    settings: Settings,
    announce: Callable[[str], None] = lambda _: None,
    door: Door | None = None,
) -> AsyncIterator[Chimera]:
    """Hold the data folder and run server, worker and platforms until left.

    announce: takes a sentence for each thing that was brought up or resumed. door: opened when all
    of it is there, closed before anything goes.
    """
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(hold_controller_lock(settings.home))
        me = Controller(os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"), __version__)
        lock.announce(me)
        store = await stack.enter_async_context(open_store(settings.ledger_url))
        announce(f"ledger: {store.location}")
        catalog = Catalog(store.inventory, str(settings.home / "platforms"), settings.providers)
        stack.push_async_callback(catalog.close)
        await catalog.start()
        address = settings.engine.address
        if settings.engine.embedded:
            server = await stack.enter_async_context(EmbeddedServer(settings.engine))
            address = server.address
        announce(f"engine: {'embedded' if settings.engine.embedded else 'Temporal'} at {address}")
        pruning = asyncio.create_task(forget_old_looks(store, settings.keep_looks_days))
        stack.callback(pruning.cancel)
        client = await EngineClient.connect(settings.engine, address)
        deps = EngineDeps(ledger=store, platform=catalog.get, provider=catalog.provider)
        await stack.enter_async_context(run_worker(settings.engine, address, deps))
        for sentence in await resume(store, client, Engines(settings)):
            announce(sentence)
        chimera = Chimera(settings, store, catalog, functools.partial(_same, client))
        page = await stack.enter_async_context(door(chimera)) if door else ""
        lock.announce(replace(me, address=address, page=page, ready=True))
        try:
            yield chimera
        finally:
            with suppress(OSError):
                lock.announce(me)  # so that who needs a controller now waits for the next one


async def _same(client: EngineClient) -> EngineClient:
    return client


async def forget_old_looks(store: Store, days: int) -> None:
    """Prune the ledger's looks once a day, until cancelled: a paused rollout makes many."""
    while days:
        try:
            deleted = await store.prune(datetime.now(UTC) - timedelta(days=days))
            if deleted:
                log.info("ledger.pruned", extra={"looks": deleted, "days": days})
        except ChimeraError as error:
            log.warning("ledger.not_pruned", extra={"reason": str(error)})
        await asyncio.sleep(_DAY_S)


async def run_controller(
    settings: Settings,
    *,
    until_idle: bool = False,
    announce: Callable[[str], None] = lambda _: None,
    door: Door | None = None,
) -> None:
    """Run a controller until SIGINT or SIGTERM, or until nothing is live for a while."""
    stop = stopping()
    async with controller(settings, announce, door) as chimera:
        announce(f"ready: data in {settings.home}; stop with Ctrl-C, rollouts wait and go on later")
        if until_idle:
            await _until_idle(chimera, settings.home, stop)
        else:
            await stop.wait()


def stopping() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _until_idle(chimera: Chimera, home: Path, stop: asyncio.Event) -> None:
    idle_since = time.monotonic()
    while not stop.is_set():
        busy = await chimera.drives() or is_wanted(home)
        if busy:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > IDLE_S:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _POLL_S)
