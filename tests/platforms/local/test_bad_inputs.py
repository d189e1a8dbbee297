"""What an operator can get wrong: each a clear refusal with the cause, and nothing left behind."""

from __future__ import annotations

import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.platforms.local.room import Room, command, service

from chimera.core.errors import ProviderError, ProviderRefused, ProviderUnavailable, SpecError
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.local.platform import LocalPlatform
from chimera.platforms.local.procfs import carriers
from chimera.store import open_store

PY = sys.executable
CRASH = "import sys; print('no such table: users'); sys.exit(3)"
DEAF = "import time; print('warming up', flush=True); time.sleep(60)"
ELSEWHERE = (
    "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler);"
    "print('serving', flush=True); s.serve_forever()"
)
STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "ends at once": (
        {"command": [PY, "-c", CRASH, "{port}"]},
        r"ended with code 3; its last lines: no such table: users",
    ),
    "killed": (
        {"command": [PY, "-c", "import os; os.kill(os.getpid(), 9)", "{port}"]},
        r"ended by signal 9 without a word",
    ),
    "no such program": ({"command": "no-such-program {port}"}, r"no program 'no-such-program'"),
    "no such path": ({"command": "./not/here {port}"}, r"no program './not/here'"),
    "not executable": ({"command": ["/etc/passwd", "{port}"]}, r"/etc/passwd is not executable"),
    "a folder": ({"command": ["/tmp", "{port}"]}, r"is not executable"),
    "no such folder": ({"cwd": "/no/such/folder"}, r"working folder /no/such/folder does not exi"),
    "never healthy": (
        {"command": [PY, "-c", DEAF, "{port}"], "startTimeout": "400ms"},
        r"not healthy within 0.4 s: GET /: nothing listens on port \d+; its last lines: warming up",
    ),
    "another port": (
        {"command": [PY, "-c", ELSEWHERE, "{port}"], "startTimeout": "900ms"},
        r"it listens on \d+ instead of \{port\} = \d+",
    ),
    "unhealthy": ({"health": "/fail", "startTimeout": "900ms"}, r"GET /fail: it answered 500"),
}


@pytest.mark.parametrize("case", STARTS)
async def test_a_version_that_cannot_start_is_refused_and_removed(room: Room, case: str) -> None:
    settings, expected = STARTS[case]
    mark = room.folder.name
    bad = room.with_settings(**settings, env={"CHIMERA_TEST_MARK": mark})
    revision = room.revision("v1", bad)
    with pytest.raises(ProviderRefused, match=expected) as caught:
        await room.platform.orchestrator.install(bad, revision, Fence("r0", 1))
    assert caught.value.hint
    assert await room.store.inventory.find() == ()
    assert not list(room.folder.glob("local/services/*"))
    assert carriers("CHIMERA_TEST_MARK", mark) == ()


async def test_a_canary_that_cannot_start_leaves_stable_alone(room: Room) -> None:
    v1 = await room.install()
    bad = room.with_settings(command=[PY, "-c", CRASH, "{port}"])
    v2 = room.revision("v2", bad)
    with pytest.raises(ProviderRefused, match="start v2: a replica ended with code 3"):
        await room.platform.orchestrator.start(bad, v2, None, room.fence)
    removed, left = await room.platform.orchestrator.remove(room.service, v2, room.fence)
    assert (len(removed), left) == (1, ())
    fixed = room.revision("v2")  # the same name, mended: what is left of the old is not taken
    await room.platform.orchestrator.start(room.service, fixed, None, room.fence)
    assert (await room.platform.orchestrator.readiness(room.service, v1)).ok


async def test_a_front_port_in_use_names_who_has_it(room: Room) -> None:
    with socket.create_server(("127.0.0.1", room.port)):
        with pytest.raises(ProviderRefused, match=rf"port {room.port} is in use by .*pid \d+"):
            await room.install()
        assert await room.store.inventory.find() == ()
    await room.install()


async def test_a_port_cannot_move_under_a_running_service(room: Room) -> None:
    await room.install()
    moved = replace(room.service, settings={**room.service.settings, "port": 1234})
    with pytest.raises(ProviderRefused, match=r"the front is at 127.0.0.1:\d+, not at .*:1234"):
        await room.platform.orchestrator.start(moved, room.revision("v2"), None, room.fence)


async def test_what_was_never_installed_is_refused(room: Room) -> None:
    v2, orchestrator = room.revision("v2"), room.platform.orchestrator
    with pytest.raises(ProviderRefused, match="'web' is not installed here"):
        await orchestrator.start(room.service, v2, None, room.fence)
    with pytest.raises(ProviderUnavailable, match="'web' is not installed here"):
        await room.read()
    assert await orchestrator.remove(room.service, v2, room.fence) == ((), ())
    assert await room.platform.router.drain(room.service, v2, room.fence, room.lease) == 0
    stranger = Revision("v1", settings={"image": "from another platform"})
    with pytest.raises(ProviderRefused, match="does not say how to run"):
        await orchestrator.install(room.service, stranger, room.fence)


async def test_a_damaged_record_is_named_and_can_be_removed(room: Room) -> None:
    await room.install()
    record = next(room.folder.rglob("service.json"))
    record.write_text('{"service": "cut sho')
    with pytest.raises(ProviderRefused, match=r"service\.json is damaged"):
        await room.read()
    await room.platform.orchestrator.uninstall(room.service)
    assert not record.exists()


async def test_a_folder_that_cannot_be_made_is_refused(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    async with open_store(f"sqlite:///{folder}/ledger.db") as store:
        platform = LocalPlatform(store.inventory, str(folder / "file" / "local"))
        with pytest.raises(ProviderRefused, match="cannot be written: Not a directory"):
            await platform.start()
        (check,) = [one for one in await platform.doctor() if one.name == "folder"]
        assert not check.ok
        assert check.fix


async def test_a_lost_folder_is_an_error_not_a_traceback(room: Room) -> None:
    await room.install()
    xds = next(room.folder.glob("local/services/web/xds"))
    shutil.move(xds, room.folder / "moved")
    with pytest.raises(ProviderError, match="No such file or directory"):
        await room.canary(weight=10)
    shutil.move(room.folder / "moved", xds)
    await room.shift("v2", 10)


TARGETS: dict[str, tuple[dict[str, Any], str]] = {
    "no port placeholder": ({"command": "python app.py"}, r"must hold \{port\}"),
    "mistyped placeholder": ({"command": "a {port} {verison}"}, r"did you mean \{version\}"),
    "mistyped in env": ({"env": {"A": "{prot}"}}, r"did you mean \{port\}"),
    "open quote": ({"command": "a '{port}"}, "cannot be split"),
    "empty command": ({"command": "  "}, "empty"),
    "no command": ({"command": []}, "command"),
    "command of numbers": ({"command": [1, 2]}, "command"),
    "port 0": ({"port": 0}, "port"),
    "port as text": ({"port": "8080"}, "port"),
    "port too high": ({"port": 70000}, "port"),
    "health without slash": ({"health": "healthz"}, "begins with '/'"),
    "health with a blank": ({"health": "/a b"}, "without blanks"),
    "no replicas": ({"replicas": 0}, "replicas"),
    "true replicas": ({"replicas": True}, "replicas"),
    "a number as duration": ({"startTimeout": 30}, "a duration needs a unit"),
    "a short timeout": ({"stopTimeout": "1ms"}, "at least 100ms"),
    "a host name": ({"bind": "localhost"}, "not an IP address"),
    "env name": ({"env": {"A B": "x"}}, "cannot name an environment variable"),
    "env of a flag": ({"env": {"A": True}}, "quote the value"),
    "zero byte": ({"env": {"A": "a\0b"}}, "zero byte"),
    "unknown key": ({"comand": "x"}, "comand"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_wrong_target_is_told_in_one_line(folder: Path, case: str) -> None:
    settings, expected = TARGETS[case]
    with pytest.raises(SpecError, match=expected) as caught:
        LocalPlatform(None, str(folder)).revision(  # type: ignore[arg-type]
            service(**settings), version="v1", image=""
        )
    assert all(problem.startswith("target.") for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("words", "version", "image", "name"),
    [
        (command(), "v1", "", "v1"),
        (["run", "{port}", "{image}"], "", "repo/app:1.5.0", "1.5.0"),
        (["run", "{port}", "{image}"], "", "host:5000/app", None),
        (
            ["run", "{port}", "{image}"],
            "",
            "app@sha256:0123456789abcdef0123",
            "sha256-0123456789ab",
        ),
        (["run", "{port}"], "", "", "cmd-"),
    ],
)
def test_a_revision_is_named_for_what_it_runs(
    folder: Path, words: list[str], version: str, image: str, name: str | None
) -> None:
    platform = LocalPlatform(None, str(folder))  # type: ignore[arg-type]
    asked = service(command=words, env={"IMAGE": "{image}", "WHERE": "{port}"}) if image else None
    revision = platform.revision(asked or service(command=words), version=version, image=image)
    assert revision.name.startswith(name if name is not None else image)
    assert "{port}" in revision.settings["command"]
    assert image in revision.settings["command"] or not image
    assert revision.settings["env"] == ({"IMAGE": image, "WHERE": "{port}"} if image else {})


@pytest.mark.parametrize("placeholder", ["version", "image"])
def test_a_command_without_its_version_is_refused(folder: Path, placeholder: str) -> None:
    asked = Service("web", "local", {"port": 80, "command": f"run {{port}} {{{placeholder}}}"})
    platform = LocalPlatform(None, str(folder))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=f"uses {{{placeholder}}}, but none was given") as caught:
        platform.revision(asked, version="", image="")
    assert f"--{placeholder}" in caught.value.hint


async def test_an_installation_that_was_cut_off_gives_way_to_another(room: Room) -> None:
    await room.install()
    record = next(room.folder.rglob("service.json"))
    # As if the controller had died before the installation was complete.
    record.write_text(record.read_text().replace('"serving": true', '"serving": false'))
    (old,) = await room.pids()
    assert await room.platform.orchestrator.stable(room.service) is None
    await room.install("v2")
    assert await room.read() == Split("v2")
    assert old not in await room.pids()
