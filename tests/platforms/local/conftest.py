"""A room for each test, in a folder whose path is short enough for sockets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.platforms.local.room import Room
from tests.platforms.local.room import room as open_room


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="chm-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def room(folder: Path) -> AsyncIterator[Room]:
    async with open_room(folder) as opened:
        yield opened
