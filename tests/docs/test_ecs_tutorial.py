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
from tests.support.aws_traffic import Met, flow
from tests.support.house import house
from tests.support.pages import Block, blocks

from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import build

SERVICES = {"appmesh": "logo", "alb": "logo-alb"}


@asynccontextmanager
async def traffic(url: str) -> AsyncIterator[None]:
    over = asyncio.Event()
    sending = asyncio.create_task(flow(url, over, Met()))
    try:
        yield
    finally:
        over.set()
        await sending


async def typed(block: Block, folder: Path, env: dict[str, str], code: int) -> None:
    for command in block.commands:
        child = await asyncio.create_subprocess_shell(
            command,
            cwd=folder,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await child.communicate()
        assert child.returncode == code, f"{block.name}: $ {command}\n{said.decode()}"


def be_patient(folder: Path) -> None:
    """Let rollouts wait for evidence for as long as it takes: a busy machine sends few requests."""
    for file in folder.glob("shop/*.yaml"):
        text = file.read_text()
        if "analysis:" not in text:
            file.write_text(f"{text}\nanalysis: {{noDataDeadline: 10m}}\n")


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("aws-alb")
async def test_the_tutorial_on_ecs_does_what_it_says() -> None:
    marked = [block for block in blocks(IN_THE_RANGE) if block.mark.startswith("run")]
    assert len(marked) >= 8
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
                be_patient(opened.folder)
                continue
            url = await asyncio.to_thread(box.wait_for_url, stacks[found[1]].front)
            async with traffic(url):
                await typed(block, opened.folder, env, code)
