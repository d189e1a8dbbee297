"""kill -9 of the controller at every kind of boundary: the end is the one that it would have been.

The activities are found by asking the engine for them; each is met before and after, and the long
one in its middle. A controller that dies is followed by another, up to the normal one at the end.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support import nursery
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.house import house as open_house
from tests.support.load import Load
from tests.support.mortal_up import deaths
from tests.support.nursery import Child

from chimera.core.state import Phase
from chimera.engine.activities import Activities

ROOT = Path(__file__).parents[2]
QUICK: dict[str, Any] = {
    "steps": [{"setWeight": 50, "bake": "1s"}, {"setWeight": 100, "bake": "1s"}],
    "lease": "10s",
    "progressDeadline": "10m",
    "faults": "bad=0.5",
}
# How a rollout is led to each boundary: which version is deployed, and what is met on the way.
STORIES = {
    "installing": ("1", ("install",)),
    "beginning": ("2", ("prepare", "shift")),
    "watching": ("2", ("watch", "record")),
    "promoting": ("2", ("commit", "remove_old")),
    "rolling back": ("bad", ("restore", "remove_canary")),
}


DEFINITION = "__temporal_activity_definition"


def boundaries(kinds: tuple[str, ...]) -> list[str]:
    at = [f"{when}:{kind}" for kind in kinds for when in ("before", "after")]
    return [*at, "during:watch"] if "watch" in kinds else at


def test_every_activity_is_met() -> None:
    names = {name for name, one in vars(Activities).items() if hasattr(one, DEFINITION)}
    assert names == {kind for _, kinds in STORIES.values() for kind in kinds}


async def traces(house: House) -> dict[str, Any]:
    """What a rollout leaves, without the names that differ from one house to the next."""
    view = await house.view()
    files = {name: text.decode() for name, text in house.routes().items()}
    ports = [one.detail["port"] for one in await house.inventory(kind="process")]
    for name, text in files.items():  # what names a version of these depends on ports and places
        if name != "rds.json":
            plain = re.sub(r'"version_info": "[0-9a-f]+"', "", text)
            for port in (house.port, *ports):
                plain = re.sub(rf"\b{port}\b", "PORT", plain)
            files[name] = plain
    return {
        "phase": view.state.phase,
        "left": len(view.state.left),
        "events": without_leases([line.kind for line in await house.lines()]),
        "starts": house.starts(),
        "replicas": house.replicas(),
        "envoys": len(house.running("bootstrap.json")),
        "inventory": sorted((one.kind, one.revision) for one in await house.inventory()),
        **{name: text.replace(str(house.home), "HOME") for name, text in files.items()},
    }


def without_leases(kinds: list[str]) -> list[str]:
    """A history as if no controller had been away for longer than a lease."""
    kept = [kind for kind in kinds if kind != "lease_expired"]
    return [
        k for k, before in zip(kept, ["", *kept], strict=False) if k != before or k != "shifted"
    ]


# What a person asks, in which phase, at which weight, how long 50 % bakes, and where controllers
# die: also at a step that is not the first.
TAKEN_BACK = {
    "abort": (Phase.PROGRESSING, 50, "10m", ("before:restore", "after:remove_canary")),
    "revert": (Phase.RETIRING, 100, "1s", ("before:shift@100", "after:restore")),
}
HISTORIES = {
    "abort": "started prepared shifted abort restored removed",
    "revert": "started prepared shifted judged shifted judged committed revert restored removed",
}


async def told(house: House, version: str, sentences: list[str]) -> dict[str, Any]:
    """Deploy a version while controllers die at `sentences`; return what is left at the end."""
    async with Load(house.port, rate=60):
        asked = False
        await house.alone()
        while set(died_at(house)) != set(sentences):
            controller = await mortal(house, sentences)
            if not asked:
                await house.ready(controller)
                await house.run("deploy", "--version", version, "--detach", code=None)
                asked = True
            async with asyncio.timeout(90):
                assert await controller.wait() == -signal.SIGKILL
        async with house.up():
            if not asked:
                await house.deploy(version)
            await house.until(lambda view: view.state.over)
            swept = await house.run("gc", "--dry-run", "-o", "json")
            assert swept.data["found"] == []
    return await traces(house)


async def take_back(house: House, verb: str) -> None:
    """Deploy a version and take it back while controllers die."""
    phase, weight, bake, places = TAKEN_BACK[verb]
    steps = [{"setWeight": 50, "bake": bake}, {"setWeight": 100, "bake": "1s"}]
    house.write_spec(**QUICK | {"steps": steps, "scaleDownDelay": "10m"})
    deployed = asked = False
    while not set(died_at(house)) >= set(places):
        controller = await mortal(house, places)
        await house.ready(controller)
        if not deployed:
            await house.deploy("2")
            deployed = True
        if not asked and await comes_to(house, phase, weight, controller):
            await house.run(verb, "web", "--yes", "--by", "ada", code=None)
            asked = True
        async with asyncio.timeout(90):
            assert await controller.wait() == -signal.SIGKILL
    async with house.up():
        await house.until(lambda view: view.state.over)


async def comes_to(house: House, phase: Phase, weight: int, controller: Child) -> bool:
    """Wait until the rollout is there; False if its controller dies first."""

    async def there() -> bool:
        state = (await house.view()).state
        return (state.phase, state.weight) == (phase, weight)

    async def there_or_dead() -> bool:
        return await there() or controller.returncode is not None

    await eventually(there_or_dead, within_s=90)
    return await there()


async def test_what_is_taken_back_under_a_kill_ends_as_without(house: House) -> None:
    await house.install("1")
    await house.alone()
    before, made = house.routes(), await house.inventory()
    for verb, ends in (("abort", Phase.ABORTED), ("revert", Phase.ROLLED_BACK)):
        async with Load(house.port, rate=60) as load:
            await take_back(house, verb)
        assert (await house.view()).state.phase is ends
        history = without_leases([line.kind for line in await house.lines()])
        assert history == HISTORIES[verb].split()
        assert house.routes() == before
        assert await house.inventory() == made
        assert house.replicas() == ["1"]
        assert load.tally.failures == []
    assert house.starts() == ["1", "2", "2"]


def died_at(house: House) -> list[str]:
    return deaths(house.home / "deaths")


async def mortal(house: House, sentences: Sequence[str]) -> Child:
    return await nursery.quiet("tests.support.mortal_up", *sentences, cwd=ROOT, env=house.env)


@pytest.mark.parametrize("story", STORIES)
async def test_a_kill_at_any_boundary_changes_nothing(story: str) -> None:
    version, kinds = STORIES[story]
    async with open_house(**QUICK) as calm, open_house(**QUICK) as troubled:
        if version != "1":
            await asyncio.gather(calm.install("1"), troubled.install("1"))
        undisturbed, killed = await asyncio.gather(
            told(calm, version, []), told(troubled, version, boundaries(kinds))
        )
        assert killed == undisturbed
        good = version != "bad"
        assert killed["phase"] is (Phase.SUCCEEDED if good else Phase.ROLLED_BACK)
        assert killed["replicas"] == [version if good else "1"]
        assert len(killed["starts"]) == len(set(killed["starts"]))
        assert sorted(died_at(troubled)) == sorted(boundaries(kinds))
