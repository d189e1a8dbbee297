"""The story that `chimera demo` tells: version 2 is promoted, version 3 is rolled back.

Everything in it is real: processes, Envoy, requests, the engine, the ledger. It uses the operations
that every door uses; where it plays is up to the `Place`, what a person sees up to the `Screen`.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from chimera.app.access import open_access
from chimera.app.launch import ensure_controller, stop_controller
from chimera.app.operations import Chimera, open_chimera
from chimera.app.owner import owner_name
from chimera.app.reports import RolloutView, Sweep
from chimera.app.settings import Settings
from chimera.core.spec import Spec
from chimera.core.state import Phase
from chimera.demo import logo
from chimera.demo.load import Load, Tally
from chimera.demo.place import Ground, Place
from chimera.demo.telling import Screen


@dataclass(frozen=True, slots=True)
class Options:
    """rate: requests/s. keep: leave it up at the end. plan: first show what will be done."""

    rate: float = 200.0
    keep: bool = False
    plan: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How the demo went. met: all requests of the load. swept: what was removed, what is left."""

    rollouts: tuple[RolloutView, ...]
    met: Tally
    swept: Sweep
    as_told: bool
    address: str
    page: str
    home: Path


@dataclass(slots=True)
class _Stage:
    settings: Settings
    ground: Ground
    spec: Spec
    rollouts: list[RolloutView] = field(default_factory=list)


async def tell(screen: Screen, place: Place, options: Options) -> Ending:
    """Play the whole story; always cleans up, unless `keep`. ChimeraError if it cannot start."""
    home = Path(tempfile.mkdtemp(prefix="chimera-demo-"))
    settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
    kept = False
    try:
        ground = await place.open(screen, home)
        async with open_chimera(settings) as app:
            spec_file = home / "logo.yaml"
            spec_file.write_text(ground.spec, encoding="utf-8")
            stage = _Stage(settings, ground, app.load_spec(str(spec_file)))
            for version in (*place.first, "2", "3") if options.plan else ():
                screen.show_plan(await app.plan(stage.spec, version=version))
            ending = await _play(screen, app, place, stage, options)
            kept = options.keep
            return ending
    finally:
        if not kept:
            await stop_controller(settings)
            shutil.rmtree(home, ignore_errors=True)
        await place.close(keep=kept)


async def _play(
    screen: Screen, app: Chimera, place: Place, stage: _Stage, options: Options
) -> Ending:
    place.introduce(screen)
    page = await _serve(stage.settings)
    screen.say(f"the page shows it as well, sign in once: {page}")
    ground, kept = stage.ground, False
    try:
        await place.begin(app, stage.spec)
        async with Load(ground.port, host=ground.host, rate=options.rate) as load:
            screen.say(f"{options.rate:g} requests/s are sent to it from now on")
            await _settle(load.tally, options.rate * place.settles_s)
            for version, words in (("2", "in colour"), ("3", logo.COLOURS["3"][3])):
                screen.chapter(f"version {version}, {words}, is deployed as a canary")
                rollout = await app.deploy(stage.spec, version=version, by="demo")
                updates = app.follow(rollout.id)
                stage.rollouts.append(await screen.show_rollout(updates, load.tally))
                await place.after(screen, stage.rollouts[-1])
        tally, kept = load.tally, options.keep
    finally:
        swept = Sweep(()) if kept else await place.clear(app, stage.spec)
    told = [view.state.phase for view in stage.rollouts]
    return Ending(
        rollouts=tuple(stage.rollouts),
        met=tally,
        swept=swept,
        as_told=told == [Phase.SUCCEEDED, Phase.ROLLED_BACK],
        address=f"http://{ground.host}:{ground.port}/",
        page=page.partition("/sign-in")[0],
        home=stage.settings.home,
    )


async def _serve(settings: Settings) -> str:
    """Start the controller with its page on a free port; return a link that signs in once."""
    found = await ensure_controller(settings, listen="127.0.0.1:0")
    async with open_access(settings) as access:
        code = await access.owner_link(owner_name())
    return f"{found.page}/sign-in#{code}"


async def _settle(tally: Tally, enough: float) -> None:
    """Wait until the load is under way, so that the first look has something to compare with."""
    for _ in range(200):
        if tally.answered >= enough:
            return
        await asyncio.sleep(0.05)
