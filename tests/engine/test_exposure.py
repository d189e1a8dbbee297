"""How many requests users met is told as it was, or said to be unknown: never as none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import pytest
from tests.support.engine import BAKE, Rig, plan
from tests.support.eventually import eventually
from tests.support.interposed import Interposed, Trouble

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.events import AbortRequested
from chimera.core.explain import headline
from chimera.core.exposure import BEGAN_ANEW
from chimera.core.model import Met, Reading, Revision, Sample, Service
from chimera.core.plan import Rollout, Step
from chimera.core.state import Phase, State
from chimera.platforms.memory import MemoryInventory, MemoryPlatform
from chimera.ports.metrics import MetricSource

LONG = timedelta(seconds=60)
AT_TEN = plan(Step(10, LONG), Step(100, BAKE))


@dataclass
class Restartable(Interposed):
    """A platform whose proxy can be started again: its counters then begin at zero."""

    lives: int = 1
    before: dict[str, Sample] = field(default_factory=dict)

    @property
    def metrics(self) -> MetricSource:
        return cast("MetricSource", _Counters(self))


class _Counters:
    min_interval_s = 0.1

    def __init__(self, owner: Restartable) -> None:
        self._owner = owner

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        await self._owner.pass_through("metrics.read", (service, stable, canary))
        seen = await self._owner.inner.metrics.read(service, stable, canary)
        arms = [self._since(arm, self._owner.lives) for arm in (seen.canary, seen.stable)]
        return replace(seen, canary=arms[0], stable=arms[1])

    def _since(self, arm: tuple[Sample, ...], life: int) -> tuple[Sample, ...]:
        if life == 1:
            self._owner.before |= {sample.source: sample for sample in arm}
            return arm
        former = self._owner.before
        return tuple(
            Sample(
                f"{one.source}-{life}",
                one.requests - former[one.source].requests,
                one.errors - former[one.source].errors,
            )
            for one in arm
        )


@pytest.fixture
async def rig(bare: Rig) -> AsyncIterator[Rig]:
    """A rig with one worker, whose proxy can be started again."""
    bare.platform = Restartable(MemoryPlatform(MemoryInventory()))
    async with bare.worker():
        yield bare


async def met(rig: Rig, rollout: Rollout, requests: int) -> Met:
    """Wait until the looks have seen so many requests to the canary."""

    def so() -> list[Met]:
        seen = [one.look.met or Met() for one in rig.ledger.looks.get(rollout.id, {}).values()]
        return [one for one in seen if one.requests >= requests]

    return (await eventually(so, within_s=90))[-1]


async def aborted(rig: Rig, rollout: Rollout) -> State:
    await rig.ask(rollout, AbortRequested)
    return await rig.client.result(rollout.id)


async def test_without_a_break_every_request_is_counted(rig: Rig) -> None:
    rollout = await rig.rollout(AT_TEN)
    before = await met(rig, rollout, 100)
    exposure = (await aborted(rig, rollout)).exposure
    assert exposure.unknown == ""
    assert exposure.requests >= before.requests


async def test_looks_add_up_from_one_watch_to_the_next(rig: Rig) -> None:
    rollout = await rig.rollout(plan(Step(10, BAKE), Step(50, BAKE), Step(100, BAKE)))
    state = await rig.client.result(rollout.id)
    looks = [one.look for one in rig.ledger.looks[rollout.id].values()]
    assert looks[-1].met == Met(sum(one.canary.requests for one in looks))
    assert state.exposure.requests >= looks[-1].met.requests
    assert state.exposure.unknown == ""


async def test_a_proxy_that_was_started_again_hides_nothing(rig: Rig) -> None:
    assert isinstance(rig.platform, Restartable)
    within_limits = replace(AT_TEN, analysis=replace(AT_TEN.analysis, compare=False))
    rollout = await rig.rollout(within_limits, faults={"v2": {"errors": "1%"}})
    before = await met(rig, rollout, 300)
    rig.platform.lives = 2
    state = await aborted(rig, rollout)
    assert state.exposure.requests >= before.requests
    assert state.exposure.errors >= before.errors
    assert state.exposure.unknown == BEGAN_ANEW
    assert "at least" in headline(rollout, state)


@pytest.mark.parametrize(
    "error", [ProviderUnavailable("memory", "metrics", "no answer"), ValueError("a bug")]
)
async def test_metrics_that_cannot_be_read_are_not_taken_for_no_requests(
    rig: Rig, error: Exception
) -> None:
    rollout = await rig.rollout(AT_TEN)
    before = await met(rig, rollout, 100)
    rig.platform.trouble["metrics.read"] = Trouble(error)
    state = await aborted(rig, rollout)
    assert state.exposure.requests >= before.requests
    assert str(error) in state.exposure.unknown
    assert "at least" in headline(rollout, state)


async def test_where_nothing_was_ever_read_it_is_said_that_nobody_knows(rig: Rig) -> None:
    refused = ProviderRefused("memory", "metrics", "not for you")
    rig.platform.trouble["metrics.read"] = Trouble(refused)
    rollout = await rig.rollout()
    await rig.reach(rollout, Phase.PAUSED)
    state = await aborted(rig, rollout)
    assert "how many requests users met" in headline(rollout, state)
    assert "not for you" in headline(rollout, state)
    restored = next(e for e in rig.ledger.entries[rollout.id] if e.event.kind == "restored")
    assert "no request reached" not in restored.sentence


async def test_a_rollback_does_not_wait_for_a_ledger_that_could_tell_more(rig: Rig) -> None:
    rollout = await rig.rollout(AT_TEN)
    await met(rig, rollout, 100)
    rig.ledger.down = "disk full"
    await rig.ask(rollout, AbortRequested)
    state = await rig.reach(rollout, Phase.ABORTED)
    rig.ledger.down = ""
    await rig.client.result(rollout.id)
    assert state.exposure.requests >= 100
    # A look that waits to be written is known here; otherwise the ledger's trouble is told.
    assert state.exposure.unknown == "" or "disk full" in state.exposure.unknown
