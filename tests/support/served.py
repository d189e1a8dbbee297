"""A served Chimera on a free port: the real application over a real ledger, a user of each role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from tests.support.access import USERS, access_at, access_with_users, token_for
from tests.support.scripted import Script, ScriptedChimera

from chimera.app.access import Access
from chimera.app.doors import GuardSettings
from chimera.platforms.catalog import Catalog
from chimera.serving.application import build_app
from chimera.serving.listening import bind, listening
from chimera.store import open_store


@dataclass
class Served:
    """tokens: one for each user of USERS, with all that the user is granted."""

    url: str
    app: FastAPI
    chimera: ScriptedChimera
    access: Access
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @asynccontextmanager
    async def client(self, name: str = "ada", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        """Give a client with the token of a user; "" for nobody."""
        headers = {"authorization": f"Bearer {self.tokens[name]}"} if name else {}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=60, **options
        ) as made:
            yield made


@asynccontextmanager
async def served(
    home: Path, script: Script | None = None, **guarding: Any
) -> AsyncIterator[Served]:
    """Serve a data folder; another call on the same one is another replica.

    script: what acting does. guarding: of GuardSettings.
    """
    settings = access_at(home)
    guard = GuardSettings(port=0, **guarding)
    async with AsyncExitStack() as stack:
        access = await stack.enter_async_context(access_with_users(settings))
        store = await stack.enter_async_context(open_store(settings.ledger_url))
        catalog = Catalog(store.inventory, str(home / "platforms"))
        stack.push_async_callback(catalog.close)
        chimera = ScriptedChimera(settings, store, catalog)
        chimera.script = script or Script()
        taken = stack.enter_context(bind(guard))
        guard = replace(guard, port=taken.getsockname()[1])
        app = build_app(chimera, access, guard)
        await stack.enter_async_context(listening(app, guard, taken))
        one = Served(guard.url, app, chimera, access)
        for name in USERS:
            if USERS[name]:
                one.tokens[name] = await token_for(access, name)
        yield one
