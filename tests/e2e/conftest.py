"""A house for each test; nothing that it starts outlives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.house import House
from tests.support.house import house as open_house
from tests.support.postgres import Server, binaries, running


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house in which nothing runs."""
    async with open_house() as opened:
        yield opened


@pytest.fixture
async def home(house: House) -> House:
    """A house whose service serves version 1."""
    await house.install("1")
    return house


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of the run's own."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian, Ubuntu: apt-get install postgresql)")
    with running(programs) as server:
        yield server
