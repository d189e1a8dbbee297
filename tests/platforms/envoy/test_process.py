"""One Envoy per port, known again after a restart, and never mistaken for another process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.platforms.envoy.conftest import Room
from tests.support.eventually import eventually
from tests.support.load import burst
from tests.support.upstream import Upstream

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.envoy.front import EnvoyFront
from chimera.platforms.envoy.ports import lock_port
from chimera.platforms.envoy.proc import identify, is_alive, spawn, terminate
from chimera.platforms.envoy.process import find_binary, last_words, refused
from chimera.platforms.envoy.routes import split_values
from chimera.platforms.envoy.rtds import RtdsServer
from chimera.platforms.local.procfs import variables


async def test_envoy_is_adopted_by_the_next_controller(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = await room.start(room.describe(v1))
        assert room.process is not None
        assert os.getsid(room.process.pid) == room.process.pid
        later = EnvoyFront(room.layout, port_locks=room.folder / "ports")
        assert await later.adopt(room.process)
        assert not await later.adopt(replace(room.process, started=room.process.started - 1))
        assert not await later.adopt(replace(room.process, boot="another"))
        await later.apply(front)
        assert (await burst(front.port, 20)).statuses == {200: 20}
        await later.close()


async def test_envoy_gets_no_setting_of_the_controller(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://chimera:secret@db/chimera")
    async with Upstream("v1") as v1:
        await room.start(room.describe(v1))
        assert room.process is not None
        assert "CHIMERA_DATABASE_URL" not in variables(room.process.pid)


async def test_a_recycled_pid_is_not_touched(room: Room) -> None:
    async with Upstream("v1") as v1:
        await room.start(room.describe(v1))
        assert room.process is not None
        await terminate(replace(room.process, started=room.process.started - 1))
        assert is_alive(room.process)
        await room.envoy.stop(room.process)
        assert not is_alive(room.process)
        assert identify(room.process.pid) is None
        await room.envoy.stop(room.process)


async def test_a_killed_envoy_is_noticed_and_started_again_with_its_lease(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller) as leases,
    ):
        front = await room.start(room.describe(v1, v2))
        assert room.process is not None
        killed = room.process
        await leases.set(front.layer, split_values(front, 10_000))
        os.kill(killed.pid, signal.SIGKILL)
        await eventually(lambda: not is_alive(killed))
        assert not await room.envoy.adopt(killed)
        with pytest.raises(ProviderUnavailable, match="no answer"):
            await room.envoy.admin.counters(["v1"])
        await eventually(lambda: leases.connected(front.layer) == 0)
        with pytest.raises(ProviderUnavailable, match="has not connected"):
            await leases.set(front.layer, split_values(front, 1), within=timedelta(seconds=0.1))
        await leases_set_again(room, leases)
        assert (await burst(front.port, 50)).revisions == {"v2": 50}


async def leases_set_again(room: Room, leases: RtdsServer) -> None:
    """Start a new Envoy on the same port and folder, and lease everything to the canary."""
    assert room.front is not None
    front = await room.start(room.front)
    await leases.set(front.layer, split_values(front, 10_000))


async def test_a_known_controller_lets_envoy_start_without_waiting(room: Room) -> None:
    async with Upstream("v1") as v1, RtdsServer(room.layout.controller):
        await room.start(room.describe(v1))
        found = await room.envoy.admin.stats(r"^runtime\.init_fetch_timeout$")
        assert found["runtime.init_fetch_timeout"] == 0


async def test_a_port_has_one_envoy(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = await room.start(room.describe(v1))
        assert room.process is not None
        with pytest.raises(
            ProviderRefused, match=f"{front.port}: in use by service shop"
        ) as caught:
            await room.envoy.start(front)
        assert "another port" in caught.value.hint
        await room.envoy.stop(room.process)
        await room.start(front)


async def test_a_port_of_another_program_is_named(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = room.describe(v1)
        words = rf"in use by \S+.* \(pid {os.getpid()}\)"
        other = socket.create_server(("127.0.0.1", front.port))
        with other, pytest.raises(ProviderRefused, match=words):
            await room.envoy.start(front)
        await room.start(front)


async def test_the_admin_socket_is_private_and_read_only(room: Room) -> None:
    async with Upstream("v1") as v1, RtdsServer(room.layout.controller):
        await room.start(room.describe(v1))
        for path in (room.layout.admin, room.layout.controller):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        transport = httpx.AsyncHTTPTransport(uds=str(room.layout.admin))
        async with httpx.AsyncClient(transport=transport, base_url="http://envoy") as client:
            for order in ("/quitquitquit", "/runtime_modify?a=b", "/reset_counters", "/stats/x"):
                assert (await client.post(order)).status_code == 403
            assert (await client.get("/config_dump")).status_code == 403


async def test_two_controllers_do_not_share_a_socket(short_folder: Path) -> None:
    async with RtdsServer(short_folder / "s"):
        with pytest.raises(ProviderUnavailable, match="another process serves"):
            await RtdsServer(short_folder / "s").start()
    async with RtdsServer(short_folder / "s"):
        pass


async def test_an_envoy_that_ends_at_once_leaves_nothing(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = room.describe(v1)
        broken = EnvoyFront(room.layout, port_locks=room.folder / "ports", binary=Path("/bin/true"))
        with pytest.raises(ProviderRefused, match="start"):
            await broken.start(front)
        await broken.close()
        await room.start(front)


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    log = tmp_path / "log"
    process = spawn(["/bin/sh", "-c", script], log=log, env=os.environ)
    await eventually(lambda: log.read_text() == "ready\n")
    await asyncio.wait_for(terminate(process, within=timedelta(seconds=0.2)), 5)
    assert identify(process.pid) is None


def test_a_missing_binary_is_refused(tmp_path: Path) -> None:
    assert find_binary().name == "envoy"
    with pytest.raises(ProviderRefused, match="not an executable"):
        find_binary(tmp_path / "envoy")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "Envoy said nothing"),
        ("[2026][1][warning][x] [a.cc:1] hm\n[2026][1][critical][main] [b.cc:2] boom\n", "boom"),
        (
            "[1][critical][main] [s.cc:76] error initializing configuration '/x': route: no 'v9'\n",
            "route: no 'v9'",
        ),
        (
            "[1][critical] x: dump\n a: 1\n: Proto constraint validation failed (A.B: embedded |"
            " caused by C.D: must be > 0)\n",
            "C.D: must be > 0",
        ),
    ],
)
def test_envoys_words_are_found(output: str, words: str) -> None:
    assert last_words(output) == words


def test_too_few_inotify_instances_come_with_their_remedy() -> None:
    output = "[1][critical][assert] [w.cc:20] assert failure: inotify_fd_ >= 0. Details: Consider\n"
    error = refused("start", output)
    assert "inotify" in str(error)
    assert "fs.inotify.max_user_instances=1024" in error.hint


def test_a_lock_is_not_taken_through_somebody_elses_link(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    locks = tmp_path / "locks"
    locks.mkdir(mode=0o700)
    (locks / "port-18080.lock").symlink_to(mine)
    with pytest.raises(OSError, match="symbolic"):
        lock_port(18080, address="127.0.0.1", folder=locks, owner="web")
    assert mine.read_text() == "precious"


def test_a_folder_that_others_may_write_holds_no_locks(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ProviderRefused, match="own folder") as refused:
        lock_port(18080, address="127.0.0.1", folder=tmp_path, owner="web")
    assert refused.value.hint
