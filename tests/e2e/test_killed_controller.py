"""kill -9 of the controller at every kind of boundary: the end is the one that it would have been.

The activities are found by asking the engine for them; each is met before and after, and the long
one in its middle. A controller that dies is followed by another, up to the normal one at the end.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.house import House
from tests.support.house import house as open_house
from tests.support.load import Load
from tests.support.mortal_up import deaths

from chimera.core.state import Phase
from chimera.engine.activities import Activities

ROOT = Path(__file__).parents[2]
QUICK = {
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


def died_at(house: House) -> list[str]:
    return deaths(house.home / "deaths")


async def mortal(house: House, sentences: list[str]) -> asyncio.subprocess.Process:
    null = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.mortal_up",
        *sentences,
        cwd=ROOT,
        env=house.env,
        stdin=null,
        stdout=null,
        stderr=null,
    )


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
