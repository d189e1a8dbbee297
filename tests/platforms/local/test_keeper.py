"""What is brought back by itself, what is not, and what a reader sees of it."""

from __future__ import annotations

import json
import logging
import os
import signal
from pathlib import Path

import pytest
from tests.platforms.local.room import Room
from tests.support.eventually import eventually
from tests.support.load import burst

from chimera.core.errors import ProviderError
from chimera.core.model import Split
from chimera.platforms.local.reading import FOREIGN


async def served_by(room: Room) -> set[str]:
    return set((await burst(room.port, 30)).revisions)


async def test_a_killed_envoy_comes_back_with_all_traffic_on_stable(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=50)
    before = await room.platform.metrics.read(room.service, v1, v2)
    (pid,) = await room.pids("envoy")
    with caplog.at_level(logging.WARNING, "chimera.platforms.local.keeper"):
        os.kill(pid, signal.SIGKILL)

        async def back() -> bool:
            try:
                return await room.pids("envoy") != [pid] and await room.read() is not None
            except ProviderError:
                return False

        await eventually(back, within_s=90)
    assert await room.read() == Split("v1", "v2", 0)
    assert await served_by(room) == {"v1"}
    (record,) = [one for one in caplog.records if one.getMessage() == "local.envoy.restarted"]
    assert "all traffic on v1" in record.__dict__["reason"]
    after = await room.platform.metrics.read(room.service, v1, v2)
    assert after.stable[0].source != before.stable[0].source
    await room.shift("v2", 50)  # a new decision brings the canary back
    assert await room.read() == Split("v1", "v2", 50)


async def test_a_dead_replica_of_stable_is_replaced(room: Room) -> None:
    room.service = room.with_settings(replicas=2)
    v1 = await room.install()
    victim, other = await room.pids()
    os.kill(victim, signal.SIGKILL)

    async def healed() -> bool:
        pids = await room.pids()
        ready = await room.platform.orchestrator.readiness(room.service, v1)
        return ready.ok and victim not in pids and other in pids and len(pids) == 2

    await eventually(healed, within_s=90)
    assert not (await burst(room.port, 50)).failures


async def test_a_dead_canary_stays_dead_and_its_errors_count(room: Room) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=50)
    (pid,) = await room.pids(revision="v2")
    os.kill(pid, signal.SIGKILL)
    orchestrator = room.platform.orchestrator

    async def noticed() -> bool:
        return "signal 9" in (await orchestrator.readiness(room.service, v2)).detail

    await eventually(noticed)  # at first it is only known that nothing listens
    readiness = await orchestrator.readiness(room.service, v2)
    assert (readiness.ready, readiness.wanted) == (0, 1)
    before = (await room.platform.metrics.read(room.service, v1, v2)).canary[0].errors
    tally = await burst(room.port, 60)
    after = (await room.platform.metrics.read(room.service, v1, v2)).canary[0].errors
    assert tally.failures
    assert after - before >= len(tally.failures)
    assert await room.pids(revision="v2") == [pid]


async def test_edited_routes_are_seen_as_somebody_elses(room: Room) -> None:
    await room.install()
    await room.canary(weight=10)
    assert await room.read() == Split("v1", "v2", 10)
    routes = next(room.folder.rglob("rds.json"))
    ours = routes.read_text()

    edited = json.loads(ours)
    last = edited["resources"][0]["virtual_hosts"][0]["routes"][-1]["route"]["weighted_clusters"]
    del last["runtime_key_prefix"]
    last["clusters"][0]["weight"], last["clusters"][1]["weight"] = 3000, 7000
    edited["version_info"] = "mine"
    rename_into(routes, json.dumps(edited))
    wanted = Split(f"v1 {FOREIGN}", "v2", 70)

    async def seen() -> bool:
        return await room.read() == wanted

    await eventually(seen)
    rename_into(routes, "{ not json")  # Envoy keeps what it had
    split = await room.read()
    assert split.stable == f"v1 {FOREIGN}"
    await room.shift("v2", 10)  # an overwrite on purpose
    assert await room.read() == Split("v1", "v2", 10)
    assert routes.read_text() == ours


def rename_into(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)
