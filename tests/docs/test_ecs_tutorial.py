"""The tutorial on ECS is typed as it stands, in a practice range, with traffic where it asks."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.docs.test_commands import IN_THE_RANGE
from tests.support.house import house
from tests.support.pages import Block, blocks

from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import build

PAGE = IN_THE_RANGE.read_text(encoding="utf-8")
SERVICES = {"appmesh": "logo", "alb": "logo-alb"}


@asynccontextmanager
async def traffic(url: str, folder: Path, env: dict[str, str]) -> AsyncIterator[None]:
    """Send requests as the page says, in a terminal of its own."""
    command, rate = ["chimera", "demo", "--load"], ("--rate", "100")
    assert f"$ {' '.join(command)} http://127.77.0.7:8080/ {' '.join(rate)}" in PAGE
    quiet = asyncio.subprocess.DEVNULL
    sending = await asyncio.create_subprocess_exec(
        *command, url, *rate, cwd=folder, env=env, stdin=quiet, stdout=quiet
    )
    try:
        yield
    finally:
        sending.terminate()
        await sending.wait()


async def typed(block: Block, folder: Path, env: dict[str, str], code: int) -> None:
    *before, last = block.commands
    for command in (*before, last):
        child = await asyncio.create_subprocess_shell(
            command,
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await child.communicate()
        wanted = code if command == last else 0
        assert child.returncode == wanted, f"{block.name}: $ {command}\n{said.decode()}"


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("aws-alb")
async def test_the_tutorial_on_ecs_does_what_it_says() -> None:
    marked = [block for block in blocks(IN_THE_RANGE) if block.mark.startswith("run")]
    assert len(marked) >= 10
    async with Sandbox(Options(speed=60)) as box, house() as opened:
        stacks = {}
        for kind, name in SERVICES.items():  # as `chimera sandbox aws --seed all` does
            stacks[kind] = await asyncio.to_thread(build, box.session(), kind=kind, service=name)
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {**opened.env, **box.env, "PATH": programs}
        for block in marked:
            found = re.search(r"traffic (\w+)(?:, exit (\d+))?", block.mark)
            code = int(found[2] or 0) if found else 0
            if found is None:
                await typed(block, opened.folder, env, code)
                continue
            url = await asyncio.to_thread(box.wait_for_url, stacks[found[1]].front)
            async with traffic(url, opened.folder, env):
                await typed(block, opened.folder, env, code)
