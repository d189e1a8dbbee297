"""A served Chimera, and the ways to it that the command line takes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.served import Served, served

from chimera.app.login import Login
from chimera.remote.client import ApiClient


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path / "there") as opened:
        yield opened


@pytest.fixture
async def heard() -> list[str]:
    """What was said of answers that took long."""
    return []


@pytest.fixture
async def client(one: Served, heard: list[str]) -> AsyncIterator[ApiClient]:
    """The way of an admin."""
    made = ApiClient(Login(one.url, one.tokens["ada"]), heard.append)
    yield made
    await made.close()
