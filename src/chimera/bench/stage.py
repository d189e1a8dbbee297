"""A real service behind a real Envoy under real load, with or without a controller beside it.

Everything lives in a temporary folder and ends with its block, whatever happens in it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chimera.app.launch import ensure_controller, stop_controller
from chimera.app.operations import Chimera, open_chimera
from chimera.app.settings import Settings
from chimera.core.errors import ChimeraError
from chimera.core.model import Service
from chimera.core.plan import Rollout
from chimera.core.spec import Spec
from chimera.core.state import Phase, State
from chimera.demo.interrupt import to_its_end
from chimera.demo.load import Load
from chimera.platforms.catalog import Catalog
from chimera.platforms.local.spawn import free_port
from chimera.store import open_store

RATE = 200.0
LONGEST_S = 120.0  # a rollout of a benchmark


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs: version 1 of a service on `port`, and RATE requests/s to it."""

    app: Chimera
    spec: Spec
    load: Load

    async def deploy(self, version: str) -> Rollout:
        """Start a rollout."""
        return await self.app.deploy(self.spec, version=version, by="bench")

    async def over(self, rollout: Rollout, expected: Phase) -> State:
        """Wait until a rollout is over; ChimeraError if it did not end in `expected`."""
        return await until_over(self.app, rollout, expected)

    async def served(self, version: str, responses: int, *, within_s: float = 60.0) -> None:
        """Wait until users got that many responses of a version, counted from the load's start."""
        deadline = time.monotonic() + within_s
        while self.load.tally.revisions[version] < responses:
            if time.monotonic() > deadline:
                raise ChimeraError(f"version {version} had no traffic within {within_s:.0f} s")
            await asyncio.sleep(0.002)


async def until_over(app: Chimera, rollout: Rollout, expected: Phase) -> State:
    """Wait until a rollout is over; ChimeraError if it did not end in `expected`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_S):
            async for _ in app.follow(rollout.id):
                pass
    view = await app.status(rollout.id)
    if view.state.phase is not expected:
        raise ChimeraError(
            f"{rollout.id} should have ended {expected.words}, but: {view.headline}",
            hint="run the benchmark again; if it stays so, it is a fault of Chimera",
        )
    return view.state


@contextmanager
def folder() -> Iterator[Path]:
    """Make a data folder for a while."""
    home = Path(tempfile.mkdtemp(prefix="chimera-bench-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def controlled(settings: Settings) -> AsyncIterator[None]:
    """Run a controller, in a process of its own, on a data folder."""
    try:  # also one that was about to start is waited for: nobody else would stop it
        await to_its_end(ensure_controller(settings, stay=True, listen="127.0.0.1:0"))
        yield
    finally:
        await to_its_end(stop_controller(settings))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Chimera]:
    """Run a controller and open its operations."""
    async with open_chimera(settings) as app, controlled(settings):
        yield app


@asynccontextmanager
async def stage(spec_text: Callable[[int], str]) -> AsyncIterator[Stage]:
    """Set the stage. spec_text: takes the front port and returns the spec, whose version 1 runs."""
    with folder() as home:
        port = free_port()
        settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
        try:
            async with running(settings) as app:
                spec = app.parse_spec(spec_text(port))
                first = await app.deploy(spec, version="1", by="bench")
                await until_over(app, first, Phase.SUCCEEDED)
                async with Load(port, rate=RATE) as load:
                    yield Stage(app, spec, load)
        finally:
            await to_its_end(clear(settings))


async def clear(settings: Settings) -> None:
    """Remove every service that runs here; needs no controller, so that nothing can prevent it."""
    async with open_store(settings.ledger_url) as store:
        platform = Catalog(store.inventory, str(settings.home / "platforms")).get("local")
        try:
            await platform.start()
            for name in {resource.service for resource in await store.inventory.find()}:
                await platform.orchestrator.uninstall(Service(name, "local"))
        finally:
            await platform.close()
