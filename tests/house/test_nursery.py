"""A process from the nursery is to all that look at it what `python -m` would have started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.support import nursery
from tests.support.eventually import eventually

SHOWN = "tests.support.nursery.shown"


async def test_it_has_its_own_command_line_environment_folder_and_streams(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "MARK": "ü=1"}
    child = await nursery.start(SHOWN, "a b", "", cwd=tmp_path, env=env)
    out, err = await child.communicate()
    assert err.decode().strip() == "said to stderr"
    said = out.decode().splitlines()
    assert said == [
        f"pid {child.pid}",
        f"command {[sys.executable, '-m', SHOWN, 'a b', '']}",
        f"arguments {['a b', '']}",
        f"shown {sorted(f'{key}={value}' for key, value in env.items())}",
        f"seen {sorted(env.items())}",
        f"in {tmp_path}",
        "descriptors [0, 1, 2]",
        "input ''",
    ]
    assert child.returncode == 7


async def test_it_is_killed_like_any_other(tmp_path: Path) -> None:
    child = await nursery.quiet(SHOWN, "stay", cwd=tmp_path, env=os.environ)
    assert child.returncode is None
    child.kill()
    async with asyncio.timeout(30):
        assert await child.wait() == -signal.SIGKILL
    child.terminate()  # as nothing
    await eventually(lambda: not Path(f"/proc/{child.pid}").exists())


async def test_it_is_interrupted_as_at_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = await nursery.quiet(SHOWN, "stay", cwd=tmp_path, env=os.environ, log=log)
    await eventually(lambda: "input" in log.read_text())
    child.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        assert await child.wait() == -signal.SIGINT
    assert "KeyboardInterrupt" in log.read_text()


async def test_many_at_once_each_end_as_they_do(tmp_path: Path) -> None:
    born = await asyncio.gather(
        *(nursery.start(SHOWN, cwd=tmp_path, env=os.environ) for _ in range(8))
    )
    said = await asyncio.gather(*(child.communicate() for child in born))
    assert [f"pid {child.pid}" for child in born] == [
        out.decode().splitlines()[0] for out, _ in said
    ]
    assert {child.returncode for child in born} == {7}
