"""Commands that a page marks as `run` are typed as they stand, in order, in a fresh folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.pages import ROOT, blocks, pages

IN_THE_RANGE = ROOT / "docs/tutorial/first-canary-on-ecs.md"
HERE = [page for page in pages() if page != IN_THE_RANGE]
RUNNABLE = {page: [b for b in blocks(page) if b.mark == "run"] for page in HERE}


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """A home without a past, and this environment's programs first."""
    shutil.copy(ROOT / "examples/01-hello/hello.py", tmp_path)
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "CHIMERA_HOME": str(tmp_path / "home"),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CI": "true",
    }


@pytest.mark.parametrize(
    "page",
    [page for page, found in RUNNABLE.items() if found],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_marked_commands_do_what_the_page_says(
    page: Path, shell: dict[str, str], tmp_path: Path
) -> None:
    for block in RUNNABLE[page]:
        for command in block.commands:
            done = subprocess.run(
                command,
                shell=True,
                cwd=tmp_path,
                env=shell,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{block.name}: $ {command}\n{done.stdout}{done.stderr}"
