"""One practice range for a worker's tests, its cluster prepared once; a stack for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.aws import outside
from tests.support.cloud_house import MESH, CloudHouse, cloud_house

from chimera.sandbox import Options, Sandbox

_ranges: list[Sandbox] = []


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the range after the last test here: its tasks work also while nobody looks."""
    if outside(nextitem, "e2e/aws"):
        _stop()


def _stop() -> None:
    while _ranges:
        _ranges.pop().stop()


@pytest.fixture(scope="session", autouse=True)
def no_range_left() -> Iterator[None]:
    """Stop it also when a test run breaks off."""
    yield
    _stop()


@pytest.fixture
async def prepared() -> Sandbox:
    """A range in which a minute of AWS's metrics is a second, the agent in its cluster."""
    if not _ranges:
        box = Sandbox(Options(speed=60))
        await asyncio.to_thread(box.start)
        _ranges.append(box)
        box.session().client("ecs").create_cluster(clusterName="practice")
        async with cloud_house(box, MESH) as house:
            await house.run("setup", "practice", "--yes")
    return _ranges[0]


@pytest.fixture
async def house(request: pytest.FixtureRequest, prepared: Sandbox) -> AsyncIterator[CloudHouse]:
    """A house on the platform that the test's parameter names, without faults."""
    prepared.faults.set([])
    async with cloud_house(prepared, request.param) as opened:
        yield opened
    prepared.faults.set([])
