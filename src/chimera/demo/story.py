"""The story that `chimera demo` tells: version 2 is promoted, version 3 is rolled back.

Everything in it is real: processes, Envoy, requests, the engine, the ledger. It uses the operations
that every door uses; where it plays is up to the `Place`, what a person sees up to the `Screen`.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field

from chimera.app.access import open_access
from chimera.app.launch import ensure_controller
from chimera.app.operations import Chimera, open_chimera
from chimera.app.owner import owner_name
from chimera.app.reports import RolloutView
from chimera.app.settings import Settings
from chimera.core.spec import Spec
from chimera.core.state import Phase
from chimera.demo import logo
from chimera.demo.interrupt import to_its_end
from chimera.demo.leaving import Leaving
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
    """How the demo went. met: all requests of the load."""

    rollouts: tuple[RolloutView, ...]
    met: Tally
    as_told: bool
    address: str
    page: str


@dataclass(slots=True)
class _Stage:
    settings: Settings
    ground: Ground
    spec: Spec
    rollouts: list[RolloutView] = field(default_factory=list)


def begin(place: Place) -> Leaving:
    """Make the demo's data folder; nothing is in it, and nothing runs."""
    home = tempfile.mkdtemp(prefix="chimera-demo-")
    return Leaving(Settings.from_environment({"CHIMERA_HOME": home}), place)


async def tell(screen: Screen, options: Options, leaving: Leaving) -> Ending:
    """Play the whole story; always cleans up, unless `keep`. ChimeraError if it cannot start.

    leaving: says afterwards what became of all that was started.
    """
    place, settings = leaving.place, leaving.settings
    try:
        ground = await place.open(screen, settings.home)
        async with open_chimera(settings) as app:
            spec_file = settings.home / "logo.yaml"
            spec_file.write_text(ground.spec, encoding="utf-8")
            stage = _Stage(settings, ground, app.load_spec(str(spec_file)))
            for version in (*place.first, "2", "3") if options.plan else ():
                screen.show_plan(await app.plan(stage.spec, version=version))
            try:
                ending = await _play(screen, app, place, stage, options)
                leaving.keep = options.keep
                return ending
            finally:
                if not leaving.keep:
                    await to_its_end(leaving.clear(app, stage.spec))
    finally:
        await to_its_end(leaving.close())


async def _play(
    screen: Screen, app: Chimera, place: Place, stage: _Stage, options: Options
) -> Ending:
    place.introduce(screen)
    page = await _serve(stage.settings)
    screen.say(f"the page shows it as well, sign in once: {page}")
    ground = stage.ground
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
    told = [view.state.phase for view in stage.rollouts]
    return Ending(
        rollouts=tuple(stage.rollouts),
        met=load.tally,
        as_told=told == [Phase.SUCCEEDED, Phase.ROLLED_BACK],
        address=f"http://{ground.host}:{ground.port}/",
        page=page.partition("/sign-in")[0],
    )


async def _serve(settings: Settings) -> str:
    """Start the controller with its page on a free port; return a link that signs in once.

    One that was about to start is waited for: nobody else would end it.
    """
    found = await to_its_end(ensure_controller(settings, listen="127.0.0.1:0"))
    async with open_access(settings) as access:
        code = await access.owner_link(owner_name())
    return f"{found.page}/sign-in#{code}"


async def _settle(tally: Tally, enough: float) -> None:
    """Wait until the load is under way, so that the first look has something to compare with."""
    for _ in range(200):
        if tally.answered >= enough:
            return
        await asyncio.sleep(0.05)
