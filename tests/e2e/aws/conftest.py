"""The process's practice range, its cluster prepared once; a stack for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.aws import no_box_left, outside, shared_box, stop_box
from tests.support.cloud_house import MESH, CloudHouse, cloud_house

from chimera.sandbox import Sandbox

__all__ = ["no_box_left"]
_prepared: list[Sandbox] = []


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the range after the last test here: its tasks work also while nobody looks."""
    if outside(nextitem, "e2e/aws"):
        stop_box()


@pytest.fixture
async def prepared() -> Sandbox:
    """The range, in which a minute of AWS's metrics is a second, the agent in its cluster."""
    box = await asyncio.to_thread(shared_box)
    if box not in _prepared:
        _prepared[:] = [box]
        box.session().client("ecs").create_cluster(clusterName="practice")
        async with cloud_house(box, MESH) as house:
            await house.run("setup", "practice", "--yes")
    return box


@pytest.fixture
async def house(request: pytest.FixtureRequest, prepared: Sandbox) -> AsyncIterator[CloudHouse]:
    """A house on the platform that the test's parameter names, without faults."""
    prepared.faults.set([])
    async with cloud_house(prepared, request.param) as opened:
        yield opened
    prepared.faults.set([])
