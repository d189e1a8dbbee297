"""A ledger of told rollouts behind a served application."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.scripted import Script, record
from tests.support.served import Served, served
from tests.support.stories import baking, promoted, rolled_back

from chimera.app.settings import Settings
from chimera.store import open_store


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a promoted, a rolled back and a live rollout of the logo service."""
    home = tmp_path_factory.mktemp("told")

    async def tell() -> None:
        async with open_store(Settings(home).ledger_url) as store:
            for story in (promoted(), rolled_back(), baking()):
                await record(store, story)

    asyncio.run(tell())
    return home


@pytest.fixture
def home(told: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(told, tmp_path / "home"))


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def one(home: Path, script: Script) -> AsyncIterator[Served]:
    async with served(home, script) as opened:
        yield opened
