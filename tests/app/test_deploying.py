"""Deploying while something else happens to the same service: one of them wins, and it is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.eventually import eventually

from chimera.app.controller import controller
from chimera.app.operations import Chimera
from chimera.app.settings import Settings
from chimera.core.access import Role
from chimera.core.errors import RolloutConflict
from chimera.core.plan import Rollout
from chimera.core.spec import Spec
from chimera.core.state import Phase
from chimera.engine.client import EngineClient

SPEC = """\
version: 1
service: logo
target: {platform: memory, rate: 500}
strategy: fast
steps: [{setWeight: 50, bake: 1s}, {setWeight: 100, bake: 1s}]
analysis: {interval: 500ms, harmBudget: 50%, warmUp: 0s}
scaleDownDelay: 1h
"""


@dataclass
class House:
    """A controller in this process. `when_connecting` happens when a command needs the engine."""

    chimera: Chimera

    def spec(self) -> Spec:
        return self.chimera.parse_spec(SPEC)

    def when_connecting(self, happens: Callable[[], Awaitable[object]]) -> Chimera:
        """Return operations before whose first call of the engine this happens."""
        waiting = [happens]

        async def engine() -> EngineClient:
            if waiting:
                await waiting.pop()()
            return await self.chimera._engine()

        its = self.chimera
        return Chimera(its.settings, its._store, its._catalog, connect=engine)

    async def reaches(self, rollout: Rollout, *phases: Phase) -> None:
        async def there() -> bool:
            return (await self.chimera.status(rollout.id)).state.phase in phases

        await eventually(there, within_s=60)

    async def promoted(self, version: str, *phases: Phase) -> Rollout:
        """Deploy a version and wait until it is the stable one."""
        rollout = await self.chimera.deploy(self.spec(), version=version)
        await self.reaches(rollout, *(phases or (Phase.RETIRING,)))
        return rollout

    async def ask(self, rollout: Rollout, verb: str) -> None:
        await self.chimera.request(rollout.id, verb, by="ada", role=Role.ADMIN)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose service runs version 1."""
    settings = Settings.from_environment({"CHIMERA_HOME": str(tmp_path)})
    async with controller(settings) as chimera:
        opened = House(chimera)
        await opened.promoted("1", Phase.SUCCEEDED)
        yield opened


async def test_the_next_version_begins_from_the_one_that_was_promoted(house: House) -> None:
    await house.promoted("2")
    third = await house.chimera.deploy(house.spec(), version="3")
    assert third.stable.name == "2"
    await house.ask(third, "abort")
    await house.reaches(third, Phase.ABORTED)


async def test_a_wait_that_ends_by_itself_just_before_is_no_conflict(house: House) -> None:
    second = await house.promoted("2")

    async def over() -> None:
        await house.ask(second, "promote")
        await house.reaches(second, Phase.SUCCEEDED)

    third = await house.when_connecting(over).deploy(house.spec(), version="3")
    assert third.stable.name == "2"
    await house.ask(third, "abort")
    await house.reaches(third, Phase.ABORTED)


async def test_a_revert_that_comes_first_is_not_overridden(house: House) -> None:
    second = await house.promoted("2")

    async def reverted() -> None:
        await house.ask(second, "revert")
        await house.reaches(second, Phase.ROLLING_BACK, Phase.ROLLED_BACK)

    deploying = house.when_connecting(reverted)
    with pytest.raises(RolloutConflict, match=f"held by rollout {second.id}") as found:
        await deploying.deploy(house.spec(), version="3")
    assert "deploy again" in found.value.hint
    await house.reaches(second, Phase.ROLLED_BACK)
    third = await house.chimera.deploy(house.spec(), version="3")
    assert third.stable.name == "1"
    await house.ask(third, "abort")
    await house.reaches(third, Phase.ABORTED)


async def test_a_service_that_is_removed_while_a_rollout_is_planned_is_not_taken(
    house: House,
) -> None:
    deploying = house.when_connecting(lambda: house.chimera.down("logo"))
    with pytest.raises(RolloutConflict, match="nothing runs, not 1"):
        await deploying.deploy(house.spec(), version="2")
    assert await house.chimera.history(live=True) == []


async def test_a_rollout_that_begins_while_down_waits_for_its_engine_is_left_alone(
    house: House,
) -> None:
    begun: list[Rollout] = []

    async def deployed() -> None:
        begun.append(await house.chimera.deploy(house.spec(), version="2"))

    with pytest.raises(RolloutConflict, match="holds 'logo'"):
        await house.when_connecting(deployed).down("logo")
    await house.reaches(begun[0], Phase.RETIRING)
    await house.ask(begun[0], "promote")
    await house.reaches(begun[0], Phase.SUCCEEDED)


async def test_of_a_deploy_and_a_down_at_once_one_is_refused(house: House) -> None:
    deployed, removed = await asyncio.gather(
        house.chimera.deploy(house.spec(), version="2"),
        house.chimera.down("logo"),
        return_exceptions=True,
    )
    lost = [one for one in (deployed, removed) if isinstance(one, RolloutConflict)]
    assert len(lost) == 1, (deployed, removed)
    if isinstance(deployed, Rollout):
        await house.ask(deployed, "abort")
        await house.reaches(deployed, Phase.ABORTED)
