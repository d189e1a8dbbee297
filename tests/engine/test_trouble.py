"""When something around a rollout fails: users stay safe, nothing is lost, nothing is stuck."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.support.engine import BAKE, Rig, plan
from tests.support.eventually import eventually
from tests.support.interposed import Trouble

from chimera.core.errors import ProviderRefused, ProviderUnavailable, UnknownAdapter
from chimera.core.events import AbortRequested, Removed, ResumeRequested
from chimera.core.explain import headline
from chimera.core.plan import Step
from chimera.core.state import Phase
from chimera.engine import activities
from chimera.engine.deps import EngineDeps
from chimera.engine.worker import run_worker
from chimera.ports.platform import Platform

LONG = timedelta(seconds=30)


async def test_no_step_is_taken_while_the_ledger_is_down_and_the_weight_holds(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rollout = await rig.rollout(plan(lease=timedelta(seconds=3)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.ledger.down = "disk full"
    generation = (await rig.client.state(rollout.id)).generation

    async def wants_the_next_step() -> bool:
        return (await rig.client.state(rollout.id)).generation > generation

    await eventually(wants_the_next_step)
    for _ in range(60):  # six seconds: twice the lease
        assert await rig.weight(rollout) == 10
        await asyncio.sleep(0.1)
    rig.ledger.down = ""
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.SUCCEEDED
    assert state.lease_losses == 0
    assert "rollout.waits_for_ledger" in caplog.text
    assert "effect.again" not in caplog.text  # the watch of the wait ended with it
    assert [entry.seq for entry in rig.ledger.entries[rollout.id]] == list(range(1, 11))


async def test_a_bad_version_is_rolled_back_while_the_ledger_is_down(rig: Rig) -> None:
    faults = {"v2": {"errors": "60%", "after": "400ms"}}
    rollout = await rig.rollout(plan(Step(10, LONG), Step(100, BAKE)), faults=faults)
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.ledger.down = "disk full"
    await rig.reach(rollout, Phase.ROLLED_BACK)
    assert await rig.serving(rollout) == "v1"
    assert await rig.running(rollout) == {"v1"}
    assert rig.ledger.kinds(rollout.id)[-1] == "shifted"  # nothing since could be written
    rig.ledger.down = ""
    await rig.client.result(rollout.id)
    assert rig.ledger.kinds(rollout.id)[-3:] == ["judged", "restored", "removed"]
    looks = rig.ledger.looks[rollout.id]
    assert sorted(number for _, number in looks) == list(range(len(looks)))


async def test_a_bad_version_is_rolled_back_while_a_step_waits_for_the_ledger(rig: Rig) -> None:
    faults = {"v2": {"errors": "60%", "after": "2500ms"}}
    rollout = await rig.rollout(plan(lease=timedelta(seconds=1.5)), faults=faults)
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.ledger.down = "disk full"
    state = await rig.reach(rollout, Phase.ROLLED_BACK)
    assert state.condemned
    assert await rig.serving(rollout) == "v1"
    assert max(a[1].weight for n, a in rig.platform.calls if n == "router.set_weights") == 10
    rig.ledger.down = ""
    await rig.client.result(rollout.id)


async def test_without_metrics_it_holds_then_pauses_and_goes_on_when_they_are_back(
    rig: Rig,
) -> None:
    rollout = await rig.rollout()
    rig.platform.trouble["metrics.read"] = Trouble(
        ProviderUnavailable("memory", "metrics", "no answer")
    )
    state = await rig.reach(rollout, Phase.PAUSED)
    assert await rig.weight(rollout) == 10
    assert "no answer" in state.reason
    looks = rig.ledger.looks[rollout.id].values()
    assert all(record.look.gap for record in looks)
    rig.platform.trouble.clear()
    await rig.ask(rollout, ResumeRequested)
    assert (await rig.client.result(rollout.id)).phase is Phase.SUCCEEDED


async def test_an_outage_of_the_metrics_in_a_bake_makes_it_longer(rig: Rig) -> None:
    longer = plan()
    rollout = await rig.rollout(longer)
    await eventually(lambda: len(rig.ledger.looks.get(rollout.id, {})) >= 1)
    rig.platform.trouble["metrics.read"] = Trouble(
        ProviderUnavailable("memory", "metrics", "no answer"), times=4
    )
    await rig.client.result(rollout.id)
    looks = rig.ledger.looks[rollout.id].values()
    first = [record for record in looks if record.look.weight == 10]
    assert sum(1 for record in first if record.look.gap) == 4
    assert sum(1 for record in first if not record.look.gap) >= 4


async def test_a_restore_never_gives_up(rig: Rig) -> None:
    rollout = await rig.rollout(plan(Step(10, LONG), Step(100, BAKE)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.platform.trouble["router.restore"] = Trouble(RuntimeError("bug"), times=7)
    await rig.ask(rollout, AbortRequested)
    assert (await rig.client.result(rollout.id)).phase is Phase.ABORTED
    assert rig.platform.operations("router.restore") == ["router.restore"] * 8
    assert await rig.serving(rollout) == "v1"


async def test_a_restore_in_vain_is_said_and_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities, "IN_VAIN_S", (0.3,))
    rollout = await rig.rollout(plan(Step(10, LONG), Step(100, BAKE)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.platform.trouble["router.restore"] = Trouble(
        ProviderUnavailable("memory", "restore", "the routes are on fire")
    )
    await rig.ask(rollout, AbortRequested)
    state = await rig.until(rollout, lambda state: bool(state.trouble) and state.work is not None)
    assert "so far in vain: memory: restore: the routes are on fire" in headline(rollout, state)
    assert "but did not (memory: restore: the routes are on fire)" in " ".join(
        entry.sentence for entry in rig.ledger.entries[rollout.id]
    )
    rig.platform.trouble.clear()
    assert (await rig.client.result(rollout.id)).phase is Phase.ABORTED
    assert await rig.serving(rollout) == "v1"


async def test_a_platform_that_is_not_there_is_said(
    bare: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities, "IN_VAIN_S", (0.3,))

    def unknown(name: str) -> Platform:
        raise UnknownAdapter("platform", name, ("local",))

    async with run_worker(bare.settings, bare.address, EngineDeps(bare.ledger, unknown)):
        rollout = await bare.rollout()
        state = await bare.until(rollout, lambda state: bool(state.trouble))
    assert state.phase is Phase.ROLLING_BACK
    assert "unknown platform 'memory' (known: local)" in state.trouble


async def test_a_provider_that_says_when_to_come_back_is_obeyed(rig: Rig) -> None:
    wait = timedelta(seconds=1.2)
    rig.platform.trouble["router.set_weights"] = Trouble(
        ProviderUnavailable("memory", "set weights", "slow down", retry_after=wait), times=1
    )
    rollout = await rig.rollout(plan(Step(100, BAKE)))
    await rig.client.result(rollout.id)
    prepared, shifted = (rig.ledger.entries[rollout.id][i].event.at for i in (1, 2))
    assert shifted - prepared >= wait


@pytest.mark.parametrize(
    "operation",
    [
        "orchestrator.start",
        "orchestrator.readiness",
        "orchestrator.scale_to_stable",
        "router.set_weights",
        "router.read",
        "router.renew",
        "metrics.read",
        "router.commit",
    ],
)
@pytest.mark.parametrize("error", [ValueError("a bug"), ProviderRefused("memory", "it", "no")])
async def test_an_error_for_good_rolls_back_or_pauses_never_sticks(
    rig: Rig, operation: str, error: Exception
) -> None:
    rig.platform.trouble[operation] = Trouble(error)
    rollout = await rig.rollout(plan(Step(10, BAKE), Step(100, BAKE)))
    state = await rig.reach(rollout, Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.PAUSED)
    assert str(error) in state.reason
    if isinstance(error, ValueError):
        assert "internal error: ValueError" in state.reason
    if state.phase is Phase.PAUSED:  # metrics refused: unknown is no reason to roll back
        assert operation == "metrics.read"
        await rig.ask(rollout, AbortRequested)
    rig.platform.trouble.clear()  # reads are broken for the rollback too, which waits for them
    state = await rig.client.result(rollout.id)
    assert state.phase in {Phase.ROLLED_BACK, Phase.ABORTED}
    assert await rig.serving(rollout) == "v1"
    assert await rig.running(rollout) == {"v1"}


@pytest.mark.parametrize("operation", ["router.drain", "orchestrator.remove"])
async def test_a_cleanup_that_fails_is_said_and_tried_again(rig: Rig, operation: str) -> None:
    rig.platform.trouble[operation] = Trouble(ValueError("a bug"), times=3)
    rollout = await rig.rollout(plan(Step(100, BAKE)))
    state = await rig.reach(rollout, Phase.CLEANUP_INCOMPLETE)
    assert "a bug" in state.trouble
    assert await rig.serving(rollout) == "v2"
    assert (await rig.client.result(rollout.id)).phase is Phase.SUCCEEDED


async def test_a_call_that_never_answers_is_given_up_and_tried_again(rig: Rig) -> None:
    rollout = await rig.rollout(plan(Step(10, LONG), Step(100, BAKE), lease=timedelta(seconds=3)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.platform.trouble["metrics.read"] = Trouble(gate=asyncio.Event())
    gaps = await eventually(
        lambda: [r.look.gap for r in rig.ledger.looks[rollout.id].values() if r.look.gap]
    )
    assert "no answer within" in gaps[0]
    rig.platform.trouble.clear()
    await rig.ask(rollout, AbortRequested)
    await rig.client.result(rollout.id)


async def test_requests_that_the_end_of_a_drain_cuts_off_are_told(rig: Rig) -> None:
    its = plan(Step(10, LONG), Step(100, BAKE), drain_timeout=timedelta(seconds=1))
    rollout = await rig.rollout(its, longest_request="1h")
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    busy = ProviderRefused("memory", "remove", "busy")
    rig.platform.trouble["orchestrator.remove"] = Trouble(busy, times=1)
    await rig.ask(rollout, AbortRequested)
    state = await rig.client.result(rollout.id)
    entries = [e for e in rig.ledger.entries[rollout.id] if isinstance(e.event, Removed)]
    cuts = [entry.event.cut for entry in entries if isinstance(entry.event, Removed)]
    assert all(cuts)  # here each attempt finds them again
    assert state.exposure.cut == sum(cuts)
    words = "requests were still in flight after 1 s and were cut"
    assert [words in entry.sentence for entry in entries] == [True, True]
    assert f"{state.exposure.cut:,} {words}" in headline(rollout, state)
