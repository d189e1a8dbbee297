"""Every contract test runs once per adapter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contracts.adapters import INVENTORIES, PLATFORMS, Rig
from tests.support.aws import no_box_left, outside, stop_box

from chimera.ports.inventory import Inventory

__all__ = ["no_box_left"]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the range after the last contract."""
    if outside(nextitem, "contracts"):
        stop_box()


@pytest.fixture(params=PLATFORMS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A started platform; its service is not installed yet."""
    async with PLATFORMS[request.param](tmp_path) as made:
        yield made


@pytest.fixture
async def running(rig: Rig) -> Rig:
    """A platform whose service runs v1, and v2 is started beside it without traffic."""
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0, "r0"))
    await rig.orchestrator.start(rig.service, rig.v2, None, rig.fence(1))
    return rig


@pytest.fixture(params=INVENTORIES)
async def inventory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Inventory]:
    """An empty inventory."""
    async with INVENTORIES[request.param](tmp_path) as made:
        yield made
