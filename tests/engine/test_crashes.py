"""kill -9 of controllers, workers and servers: the end is the one that it would have been."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.mortal import SERVICE, Life, born, live

from chimera.core.events import AbortRequested
from chimera.core.model import Fence
from chimera.engine.client import EngineClient
from chimera.engine.deps import EngineDeps
from chimera.engine.server import EmbeddedServer
from chimera.engine.worker import run_worker

AT_A_TIME = 6
MOST = 200


def traces(life: Life) -> dict[str, Any]:
    """What a rollout leaves: the infrastructure, each write to it, each line of the history."""
    with life.world.opened() as world:
        kept = {key: world[key] for key in ("stable", "canary", "weight", "writes")}
        revisions = sorted(world["revisions"])
    kinds = [entry.event.kind for entry in life.ledger.entries()]
    return {**kept, "revisions": revisions, "history": kinds}


def of(tmp_path: Path, name: str, **life: Any) -> Life:
    folder = tmp_path / name
    folder.mkdir()
    return Life(folder=str(folder), **life)


async def dies_and_is_born_again(life: Life, expected: dict[str, Any]) -> bool:
    """Kill a controller at its boundary, let another finish; False if it had fewer of them."""
    process = await born(life)
    async with asyncio.timeout(60):
        code = await process.wait()
        if code == 0:
            return False
        assert code == -signal.SIGKILL
        await live(replace(life, kill_at=-1))
    assert traces(life) == expected, f"killed at boundary {life.kill_at}"
    return True


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("errors", "end", "first"),
    [(0.0, "succeeded", 0), (0.5, "rolled_back", 8)],  # until its first watch they are the same
)
async def test_a_kill_at_any_activity_boundary_changes_nothing(
    tmp_path: Path, server_address: str, errors: float, end: str, first: int
) -> None:
    """The server lives on, as a cluster does; tests/e2e kills the embedded one as well."""
    name = f"{end}-{os.getpid()}"  # the server is the whole process's
    undisturbed = of(tmp_path, f"{name}-calm", errors=errors, address=server_address)
    assert await live(undisturbed) == end
    expected = traces(undisturbed)
    boundaries = count(first)
    unkilled = False

    async def work_off() -> None:
        nonlocal unkilled
        for boundary in boundaries:
            life = of(
                tmp_path,
                f"{name}-{boundary}",
                errors=errors,
                kill_at=boundary,
                address=server_address,
            )
            if unkilled or boundary > MOST or not await dies_and_is_born_again(life, expected):
                unkilled = True
                return

    await asyncio.gather(*(work_off() for _ in range(AT_A_TIME)))
    effects = 5 + 2 * (end == "succeeded")
    assert next(boundaries) > 2 * effects + AT_A_TIME  # each effect was met, and some recording


async def test_a_watch_goes_on_where_the_killed_one_was(tmp_path: Path) -> None:
    life = of(tmp_path, "watch", bake_s=3)
    process = await born(life)
    await eventually(lambda: len(life.ledger.looks()) >= 12, within_s=90)
    process.kill()
    await process.wait()
    killed = process.pid
    async with asyncio.timeout(60):
        assert await live(life) == "succeeded"
    first = life.ledger.looks()[0][0]
    before = [n for g, n, pid in life.ledger.looks() if g == first and pid == killed]
    after = [n for g, n, pid in life.ledger.looks() if g == first and pid != killed]
    # A heartbeat is sent each 0.4 s: a few looks are made again, the bake does not begin anew.
    assert max(before) - 6 <= min(after) <= max(before) + 1
    assert len(set(before + after)) == max(after) + 1


async def test_the_server_dies_with_its_controller(tmp_path: Path) -> None:
    life = of(tmp_path, "alone", bake_s=60)
    process = await born(life)
    await eventually(life.ledger.looks, within_s=90)
    (server,) = servers_of(process.pid)
    process.kill()
    await process.wait()
    await eventually(lambda: not is_running(server))


def servers_of(pid: int) -> list[str]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid for pid in children if b"start-dev" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def is_running(pid: str) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def test_another_worker_takes_over_from_a_killed_one(
    tmp_path: Path, server_address: str
) -> None:
    life = of(tmp_path, f"two-{os.getpid()}", bake_s=3, address=server_address)
    both = [await born(life), await born(life)]
    await eventually(lambda: len(life.ledger.looks()) >= 5, within_s=90)
    at_work = life.ledger.looks()[-1][2]
    victim, heir = sorted(both, key=lambda process: process.pid != at_work)
    killed_at = asyncio.get_running_loop().time()
    victim.kill()
    await eventually(lambda: life.ledger.looks()[-1][2] == heir.pid, within_s=90)
    assert asyncio.get_running_loop().time() - killed_at < 20
    async with asyncio.timeout(60):
        assert await heir.wait() == 0
        await victim.wait()
    assert traces(life)["writes"] == [
        "start v2",
        "weight 20",
        "weight 100",
        "commit v2",
        "remove v1",
    ]


async def test_a_killed_server_comes_back_and_forgets_nothing(tmp_path: Path) -> None:
    life = of(tmp_path, "server", bake_s=60)
    world, rollout = life.world, life.rollout
    await world.install(SERVICE, rollout.stable, Fence("before", 0))
    deps = EngineDeps(life.ledger, lambda _: world.platform)
    async with EmbeddedServer(life.settings) as server:
        client = await EngineClient.connect(life.settings, server.address)
        async with run_worker(life.settings, server.address, deps):
            await client.start(rollout)
            await eventually(life.ledger.looks, within_s=90)
            os.kill(server.pid, signal.SIGKILL)
            await eventually(lambda: server.restarts == 1, within_s=90)
            looks = len(life.ledger.looks())
            await eventually(lambda: len(life.ledger.looks()) > looks + 5, within_s=90)
            answer = await client.request(rollout.id, AbortRequested(at=datetime.now(UTC)))
            assert not answer.refused
            os.kill(server.pid, signal.SIGKILL)  # what was acknowledged is not lost
            async with asyncio.timeout(60):
                assert (await client.result(rollout.id)).phase == "aborted"
    assert traces(life)["writes"] == ["start v2", "weight 20", "restore", "remove v2"]
