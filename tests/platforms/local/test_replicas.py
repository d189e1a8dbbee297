"""Processes are remembered before they exist, found again, and ended only by their identity."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.platforms.local.room import Room, service
from tests.support.eventually import eventually

from chimera.core.errors import ProviderRefused
from chimera.core.model import Resource, Revision, Service
from chimera.platforms.envoy.proc import identity
from chimera.platforms.local import fleet, procfs
from chimera.platforms.local.options import build_revision
from chimera.platforms.local.replicas import KIND, TOKEN, Replica, Replicas
from chimera.platforms.local.spawn import bound_log, forget_logs
from chimera.platforms.memory import MemoryInventory

SOON = timedelta(seconds=5)
BRIEF = timedelta(milliseconds=300)
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(100)", "{port}"]
# Ignores SIGTERM, as does the child that it starts in a session of its own.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
print('up', flush=True)
time.sleep(100)
"""


@pytest.fixture
def inventory() -> MemoryInventory:
    return MemoryInventory()


@pytest.fixture
async def replicas(inventory: MemoryInventory) -> AsyncIterator[Replicas]:
    replicas = Replicas(inventory)
    yield replicas
    for one in await replicas.find("web"):
        assert await replicas.stop(one, SOON)


def described(command: list[str]) -> tuple[Service, Revision]:
    web = service(command=command)
    return web, build_revision(web, version="v1", image="")


async def up(replica: Replica, lines: int = 1) -> None:
    await eventually(lambda: replica.log.read_text().count("up") == lines)


async def test_a_replica_is_found_again_by_another_controller(
    replicas: Replicas, inventory: MemoryInventory, folder: Path
) -> None:
    web, v1 = described(SLEEP)
    started = await replicas.start(web, v1, "r1", folder)
    (found,) = await Replicas(inventory).find("web")
    assert found == started
    assert found.running
    assert await replicas.stop(found, SOON)
    assert not found.running
    assert await inventory.find() == ()


async def test_a_crash_between_record_and_start_is_found_by_the_token(
    replicas: Replicas, inventory: MemoryInventory, folder: Path
) -> None:
    web, v1 = described(SLEEP)
    started = await replicas.start(web, v1, "r1", folder)
    await inventory.record(replace(started, process=None).resource)  # as it was before the start
    (found,) = await Replicas(inventory).find("web")
    assert found.process == started.process

    never = replace(started, token="0" * 32, process=None)
    await inventory.record(never.resource)  # and a crash before anything was started
    one = next(r for r in await replicas.find("web") if r.token == never.token)
    assert not one.running
    assert await replicas.stop(one, SOON)


async def test_a_program_that_cannot_be_started_leaves_no_record(
    replicas: Replicas, inventory: MemoryInventory, folder: Path
) -> None:
    web, v1 = described(["/no/such/program", "{port}"])
    with pytest.raises(ProviderRefused, match="no program"):
        await replicas.start(web, v1, "r1", folder)
    assert await inventory.find() == ()


async def test_a_stubborn_process_is_killed_with_all_that_it_started(
    replicas: Replicas, folder: Path
) -> None:
    web, v1 = described([sys.executable, "-c", STUBBORN, "{port}"])
    started = await replicas.start(web, v1, "r1", folder)
    await up(started, lines=2)
    assert len(procfs.carriers(TOKEN, started.token)) == 2
    assert await replicas.stop(started, BRIEF)
    assert procfs.carriers(TOKEN, started.token) == ()


async def test_a_recycled_pid_is_never_touched(
    replicas: Replicas, inventory: MemoryInventory, folder: Path
) -> None:
    web, v1 = described(SLEEP)
    stranger = await replicas.start(web, v1, "r1", folder)
    assert stranger.process is not None
    for change in ({"started": stranger.process.started - 1}, {"boot": "another boot"}):
        dead = Resource(KIND, "f" * 32, "web", "v1", detail={**stranger.resource.detail, **change})
        await inventory.record(dead)
        recycled = next(r for r in await replicas.find("web") if r.token == "f" * 32)
        assert not recycled.running
        assert await replicas.stop(recycled, BRIEF)
    assert stranger.running


async def test_the_exit_code_of_a_dead_child_is_kept_and_its_zombie_taken_away(
    replicas: Replicas, folder: Path
) -> None:
    web, v1 = described([sys.executable, "-c", "raise SystemExit(7)", "{port}"])
    started = await replicas.start(web, v1, "r1", folder)
    await eventually(lambda: not started.running)
    await replicas.find("web")
    assert replicas.exits[started.token] == 7
    assert started.process is not None
    assert identity(started.process.pid) is None


async def test_a_process_gets_its_port_and_who_it_is(replicas: Replicas, folder: Path) -> None:
    show = "import os, sys; print('up', sys.argv[1], *map(os.environ.get, sys.argv[2:]))"
    names = ["PORT", "CHIMERA_SERVICE", "CHIMERA_REVISION", "CHIMERA_ROLLOUT", "WHERE", "WHAT"]
    web = service(
        command=[sys.executable, "-c", show, "{port}", *names],
        env={"WHERE": "at {port}", "WHAT": "{version} ${HOME} {other}"},
    )
    v1 = build_revision(web, version="v1", image="")
    started = await replicas.start(web, v1, "r1", folder)
    await up(started)
    port = started.port
    assert (
        started.log.read_text() == f"up {port} {port} web v1 r1 at {port} v1 ${{HOME}} {{other}}\n"
    )


async def test_the_controllers_own_settings_are_kept_from_services(
    replicas: Replicas, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://chimera:secret@db/chimera")
    monkeypatch.setenv("CHIMERA_TEMPORAL_API_KEY", "secret")
    monkeypatch.setenv("CHIMERA_PORT", "1")
    monkeypatch.setenv("ANYTHING_ELSE", "goes on")
    web = service(command=SLEEP, env={"CHIMERA_OF_THE_SPEC": "is meant for it"})
    started = await replicas.start(web, build_revision(web, version="v1", image=""), "r1", folder)
    assert started.process is not None
    pid = started.process.pid
    seen = await eventually(lambda: procfs.variables(pid))  # none while it becomes the program
    assert "secret" not in " ".join(seen.values())
    assert {name for name in seen if name.startswith("CHIMERA_") and "_TEST_" not in name} == {
        "CHIMERA_SERVICE",
        "CHIMERA_REVISION",
        "CHIMERA_ROLLOUT",
        "CHIMERA_PORT",
        "CHIMERA_INSTANCE",
        "CHIMERA_OF_THE_SPEC",
    }
    assert seen["CHIMERA_PORT"] == str(started.port)
    assert seen["ANYTHING_ELSE"] == "goes on"


def test_a_long_log_keeps_its_end(folder: Path) -> None:
    log = folder / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 900 + b"END")
        bound_log(log, 1000)
        assert log.stat().st_size == 903
        bound_log(log, 900)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert log.with_suffix(".old").read_bytes() == b"x" * 447 + b"END"
    bound_log(folder / "missing.log", 1)


def test_the_logs_of_those_that_are_gone_are_few(tmp_path: Path) -> None:
    for number in range(6):
        for suffix in (".log", ".old"):
            file = tmp_path / f"{number}{suffix}"
            file.write_text("said")
            os.utime(file, (number, number))
    forget_logs(tmp_path, {tmp_path / "0.log"}, keep=4)
    left = ["0.log", "0.old", "4.log", "4.old", "5.log", "5.old"]
    assert sorted(file.name for file in tmp_path.iterdir()) == left


async def test_removed_versions_leave_a_few_logs(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "_KEPT_LOGS", 1)
    await room.install()
    for version in ("v2", "v3", "v4"):
        revision = await room.canary(version)
        await room.platform.orchestrator.remove(room.service, revision, room.fence)
    (logs,) = room.folder.glob("local/services/web/logs")
    assert len(list(logs.iterdir())) == 3  # of v1, of v4, and of the one before it
