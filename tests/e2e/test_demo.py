"""`chimera demo`: as told, everywhere, and nothing is left of it, however it ends."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.eventually import eventually
from tests.support.house import House, ended
from tests.support.nursery import Command
from tests.support.tty import CTRL_C, Terminal

from chimera.demo.interrupt import STOPPING

WITHIN_S = 240  # 50 s by itself; machines are busy
# Two demos at once would be each other's noise.
pytestmark = pytest.mark.xdist_group("demo")


def stage(house: House) -> dict[str, str]:
    """The environment of a demo whose folder is made in this house."""
    return {**house.env, "TMPDIR": str(house.folder), "CI": "", "COLUMNS": "100"}


async def gone(house: House) -> None:
    """Fail unless everything that a demo had started is gone, its folder too."""
    await eventually(lambda: house.running() == {}, within_s=90)
    assert not list(house.folder.glob("chimera-demo-*"))
    assert not house.home.exists()


@contextmanager
def at_a_terminal(house: House, *args: str) -> Iterator[Terminal]:
    with Terminal("demo", *args, cwd=house.folder, env=stage(house), size=(100, 40)) as terminal:
        yield terminal


async def test_without_a_terminal_it_tells_the_story_line_by_line(house: House) -> None:
    process = await house.start("demo", "--plan", env=stage(house))
    done = await ended(process, within_s=WITHIN_S)
    assert (done.code, done.err) == (0, ""), done
    said = " ".join(done.out.split())
    assert "\x1b" not in done.out
    assert said.index("~") < said.index("version 1, black and white, is installed")  # the plan
    for words in (
        "version 2, in colour, is deployed as a canary",
        "Promoted: all traffic is on 2",
        "version 3, blockchain edition, is deployed as a canary",
        "Rolled back: ",
        "limit 1 %",
        "Nothing is left running",
    ):
        assert words in said
    in_all = re.search(r"In all ([\d,]+) requests went .*, ([\d,]+) failed\.", said)
    assert in_all is not None
    assert int(in_all[1].replace(",", "")) > 2000
    rolled_back = re.search(r"3: Rolled back: .* users met ([\d,]+) failed request", said)
    assert rolled_back is not None
    assert rolled_back[1] == in_all[2]  # every failed request was version 3's
    await gone(house)


@pytest.mark.parametrize("platform", ["aws", "ecs-alb"])
async def test_on_aws_it_lists_the_account_after_each_rollout(house: House, platform: str) -> None:
    args = ("--platform", platform, "--rate", "100")
    process = await house.start("demo", *args, env=stage(house))
    done = await ended(process, within_s=WITHIN_S)
    assert (done.code, done.err) == (0, ""), done
    first, second = done.out.split("version 3, blockchain edition, is deployed as a canary")
    made = re.search(r"\+  ecs service +(logo\S*-2-\w+)", first)
    assert made is not None
    assert re.search(r"-  ecs service +logo\S* +gone", first)  # what version 1 had
    assert re.search(rf"~  (route|rule) +\S+ +100 % to {made[1]}", first)
    assert "Rolled back: " in second
    assert re.search(r"-  ecs service +logo\S*-3-\w+ +gone", second)  # what the canary had
    assert "0 left behind" in second
    await gone(house)


async def test_at_a_terminal_it_can_stay_up_to_be_tried(house: House) -> None:
    with at_a_terminal(house, "--keep", "--rate", "100") as terminal:
        assert terminal.ended(within_s=WITHIN_S) == 0, terminal.text
    assert "It stays up" in terminal.text
    (folder,) = house.folder.glob("chimera-demo-*")
    kept = {"CHIMERA_HOME": str(folder)}
    listed = await house.run("list", "-o", "json", env=kept)
    assert [(one["name"], one["stable"]) for one in listed.data] == [("logo", "2")]
    assert (await house.run("audit", "verify", env=kept)).code == 0
    assert (await house.run("gc", "--dry-run", "-o", "json", env=kept)).data["found"] == []
    page = re.search(r"its page: (http://127\.0\.0\.1:\d+)", terminal.text)
    assert page is not None
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{page[1]}/readyz")).json() == {"status": "ready"}
    await deploy_again(house, folder, terminal.text, kept)
    await house.run("down", "logo", "--controller", "--yes", env=kept)
    assert house.running("logo.py") == house.running("envoy") == {}


async def deploy_again(house: House, folder: Path, told: str, env: dict[str, str]) -> None:
    """Do as the demo has said at its end: send requests again, deploy another version."""
    url = re.search(r"chimera demo --load (http://127\.0\.0\.1:\d+/)", told)
    assert url is not None
    sending = await house.start("demo", "--load", url[1], "--rate", "100")
    await house.run("deploy", f"{folder}/logo.yaml", "--version", "4", "--wait", env=env)
    sending.send_signal(signal.SIGINT)
    done = await ended(sending)
    assert (done.code, done.err) == (0, "")
    sent = re.search(r"([\d,]+) requests were sent, 0 failed", done.out)
    assert sent is not None
    assert int(sent[1].replace(",", "")) > 500


@pytest.mark.parametrize(
    ("moment", "first", "second"),
    [
        ("the page shows it as well", signal.SIGTERM, None),
        ("the page shows it as well", signal.SIGINT, signal.SIGINT),
        ("Canary 2 gets 5 %", signal.SIGHUP, None),
        ("Canary 2 gets 5 %", signal.SIGINT, signal.SIGINT),
    ],
)
async def test_signals_in_the_middle_leave_no_process(
    house: House, moment: str, first: signal.Signals, second: signal.Signals | None
) -> None:
    process = await house.start("demo", "--rate", "50", env=stage(house))
    told = await until_said(process, moment)
    process.send_signal(first)
    told += await until_said(process, STOPPING)
    if second is not None:
        process.send_signal(second)
        told += await until_said(process, "still cleaning up")
    done = await ended(process, within_s=WITHIN_S)
    assert done.code == 130, (told, done)
    assert "everything that the demo had started is gone" in done.out
    assert done.err == ""
    await gone(house)


async def test_a_terminal_that_is_closed_leaves_nothing(house: House) -> None:
    with at_a_terminal(house) as terminal:
        terminal.expect("Canary 2 gets 5 % of the traffic", within_s=WITHIN_S)
        terminal.hang_up()
        await eventually(lambda: house.running() == {}, within_s=WITHIN_S)
    await gone(house)


async def until_said(process: Command, words: str) -> str:
    """Read what a demo says up to some words."""
    told = ""
    async with asyncio.timeout(WITHIN_S):
        while words not in told:
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended without {words!r}: {told}"
            told += line
    return told


@pytest.mark.parametrize("args", [(), ("--keep",)])
async def test_ctrl_c_in_the_middle_leaves_nothing(house: House, args: tuple[str, ...]) -> None:
    with at_a_terminal(house, *args) as terminal:
        terminal.expect("Canary 2 gets 5 % of the traffic", within_s=90)
        terminal.type(CTRL_C)
        assert terminal.ended(within_s=90) == 130
        assert "everything that the demo had started is gone" in terminal.text
        assert "Traceback" not in terminal.text
    await gone(house)


async def test_a_port_in_use_is_said_and_nothing_is_left(house: House) -> None:
    with socket.create_server(("127.0.0.1", house.port)):
        process = await house.start("demo", "--port", str(house.port), env=stage(house))
        done = await ended(process, within_s=90)
    assert done.code == 1
    assert f"port {house.port} is in use by" in done.err
    assert "Traceback" not in done.out + done.err
    await gone(house)
