"""Versions that cannot serve: each refused with its cause and a next step, nothing left behind."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import pytest
from tests.support.house import House
from tests.support.load import Load, burst
from tests.support.marked import front_port

from chimera.core.state import Phase

AT_A_TIME = 3
SOON = "1500ms"
FAULTS = "crash=crash,deaf=deaf,elsewhere=elsewhere,sick=sick"
# What is wrong, the version, what the target says, and the words that a person must find.
STARTS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "it ends at once": (
        "crash",
        {},
        ["ended with code 3", "cannot open the database: no such table"],
    ),
    "it is killed at once": (
        "1",
        {"command": [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)", "{port}"]},
        ["ended by signal 9"],
    ),
    "no such program": ("1", {"command": "no-such-program {port}"}, ["no program", "full path"]),
    "not executable": ("1", {"command": ["/etc/passwd", "{port}"]}, ["not executable", "chmod +x"]),
    "no such folder": ("1", {"cwd": "/no/such/folder"}, ["/no/such/folder does not exist", "cwd"]),
    "it never listens": ("deaf", {"startTimeout": SOON}, ["not healthy within", "nothing listens"]),
    "it listens elsewhere": (
        "elsewhere",
        {"startTimeout": SOON},
        ["it listens on", "instead of {port}"],
    ),
    "it says it is sick": ("sick", {"startTimeout": SOON}, ["GET /healthz", "answered 500"]),
}


async def refused(house: House, number: int, case: str, *, code: int = 3) -> list[str]:
    """Install a service that cannot start; return what is wrong with how that ended."""
    version, target, wanted = STARTS[case]
    service = f"svc-{number}"
    file = house.write_spec(f"{service}.yaml", service=service, faults=FAULTS, target=target)
    done = await house.run("deploy", file, "--version", version, "--wait", code=None)
    said = " ".join((done.err + done.out).split())
    wrong = [f"{case}: no {words!r} in: {said}" for words in wanted if words not in said]
    if done.code != code:
        wrong.append(f"{case}: exit code {done.code}: {said}")
    if (left := await house.inventory(service=service)) != ():
        wrong.append(f"{case}: left {left}")
    return wrong


async def test_a_first_version_that_cannot_start_leaves_nothing(house: House) -> None:
    turns = asyncio.Semaphore(AT_A_TIME)

    async def one(number: int, case: str) -> list[str]:
        async with turns:
            house.port = free[number]
            return await refused(house, number, case)

    free = [front_port() for _ in STARTS]
    async with house.up():
        found = await asyncio.gather(*(one(n, case) for n, case in enumerate(STARTS)))
        assert [words for wrong in found for words in wrong] == []
        await house.nothing_left()


async def test_a_port_that_somebody_has_is_named_with_its_holder(house: House) -> None:
    with socket.create_server(("127.0.0.1", house.port)):
        done = await house.run("deploy", "--version", "1", "--wait", code=3)
    assert f"port {house.port} is in use by" in done.err
    assert "pid" in done.err
    await house.nothing_left()
    assert house.starts() == []
    await house.install("1")  # the same command again, when the port is free


@pytest.mark.parametrize("version", ["crash", "deaf"])
async def test_a_canary_that_cannot_start_gets_no_traffic(home: House, version: str) -> None:
    home.write_spec(faults=FAULTS, target={"startTimeout": SOON})
    before = home.routes()
    async with Load(home.port, rate=40) as load:
        done = await home.run("deploy", "--version", version, "--wait", code=3)
    assert STARTS["it ends at once" if version == "crash" else "it never listens"][2][0] in done.err
    assert load.tally.failures == []
    assert set(load.tally.revisions) == {"1"}
    view = await home.view()
    assert view.state.phase is Phase.ROLLED_BACK
    assert "the canary never had traffic" in view.headline
    assert home.replicas() == ["1"]
    assert home.routes() == before
    assert set((await burst(home.port, 50)).revisions) == {"1"}
