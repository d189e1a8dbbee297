"""A ledger of every told rollout, each of a service of its own, behind the served page.

A browser belongs to the loop that started it and takes half a second, so all tests here run
on one loop and share one.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.support.access import TEST, browser_of
from tests.support.access import Browser as Client
from tests.support.browser import LOOP, browsing
from tests.support.scripted import Script, record
from tests.support.served import Served, served
from tests.support.stories import TOLD

from chimera.app.settings import Settings
from chimera.store import open_store


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope=LOOP), append=False)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which each story of TOLD is the service and rollout of its name."""
    home = tmp_path_factory.mktemp("told")

    async def tell() -> None:
        async with open_store(Settings(home).ledger_url) as store:
            for name, tell_it in TOLD.items():
                story = tell_it()
                called = name.replace("_", "-")
                service = replace(story.rollout.service, name=called)
                story.rollout = replace(story.rollout, id=f"{called}-1", service=service)
                await record(store, story)

    asyncio.run(tell())
    return home


@pytest.fixture
def home(told: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(told, tmp_path / "home"))


@pytest.fixture
def script() -> Script:
    return Script()


@pytest_asyncio.fixture(loop_scope=LOOP)
async def site(home: Path, script: Script) -> AsyncIterator[Served]:
    async with served(home, script) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope=LOOP)
async def ada(site: Served) -> AsyncIterator[Client]:
    """An admin's client, signed in."""
    async with browser_of(site.app, site.access, "ada") as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope=LOOP)
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as opened:
        yield opened


async def code_for(site: Served, name: str) -> str:
    """Return a one-time code for a user of USERS."""
    return await site.access.sessions.make_link(name, valid=timedelta(minutes=5), by=TEST)
