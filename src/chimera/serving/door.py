"""The way in for people: a port of this machine, and what is served there."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace

from chimera import web
from chimera.app.access import open_access
from chimera.app.controller import stopping
from chimera.app.lock import find_controller
from chimera.app.operations import Chimera
from chimera.app.owner import owner_name
from chimera.app.settings import Settings
from chimera.core.errors import EngineError
from chimera.engine.client import EngineClient
from chimera.platforms.catalog import Catalog
from chimera.serving.application import build_app
from chimera.serving.listening import bind, listening
from chimera.serving.running import Announce
from chimera.store import open_store


@contextmanager
def door(settings: Settings, announce: Announce) -> Iterator[Door]:
    """Take the port that the settings name, for as long as the block lasts."""
    with bind(settings.guard) as taken:
        yield Door(settings, taken, announce)


class Door:
    """Serves people on a port that was taken."""

    def __init__(self, settings: Settings, taken: socket.socket, announce: Announce) -> None:
        self._settings = settings
        self._taken = taken
        self._announce = announce

    @asynccontextmanager
    async def open(self, chimera: Chimera) -> AsyncIterator[str]:
        """Serve while the block lasts; give the address of the page."""
        guard = replace(self._settings.guard, port=self._taken.getsockname()[1])
        async with open_access(self._settings) as access:
            app = build_app(chimera, access, guard)
            async with listening(app, guard, self._taken), web.running(app):
                code = await access.owner_link(owner_name())
                self._announce(f"page: {guard.url}")
                self._announce(f"sign in once, within 30 min: {guard.url}/sign-in#{code}")
                yield guard.url


async def web_only(settings: Settings, way_in: Door, announce: Announce) -> None:
    """Serve people until told to stop; rollouts are driven elsewhere."""
    stop = stopping()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.ledger_url))
        announce(f"ledger: {store.location}")
        catalog = Catalog(store.inventory, str(settings.home / "platforms"))
        stack.push_async_callback(catalog.close)
        chimera = Chimera(settings, store, catalog, _Fleet(settings).connect)
        await stack.enter_async_context(way_in.open(chimera))
        announce("ready: rollouts are driven by the workers elsewhere; stop with Ctrl-C")
        await stop.wait()


class _Fleet:
    """The way to an engine that somebody else runs; nothing is started for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: EngineClient | None = None

    async def connect(self) -> EngineClient:
        """Return a connection, always the same one to a cluster, which finds it again by itself."""
        engine = self._settings.engine
        if not engine.embedded:
            self._client = self._client or await EngineClient.connect(engine)
            return self._client
        found = find_controller(self._settings.home)
        if found is None or not found.ready:
            raise EngineError(
                "no worker runs on this data folder",
                hint="start one: `chimera up --only worker`; or set CHIMERA_TEMPORAL_ADDRESS",
            )
        return await EngineClient.connect(engine, found.address)
