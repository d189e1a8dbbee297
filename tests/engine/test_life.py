"""Whole rollouts through a real Temporal server: what users get, what is written and left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.engine import BAKE, Rig, plan
from tests.support.eventually import eventually

from chimera.core.errors import RolloutNotFound
from chimera.core.events import AbortRequested, ApproveRequested, PauseRequested
from chimera.core.model import Split
from chimera.core.plan import Gate, GateKind, Rollout, Step
from chimera.core.state import Phase


def weights_set(rig: Rig, rollout: Rollout) -> list[int]:
    return [
        args[1].weight
        for name, args in rig.platform.calls
        if name == "router.set_weights" and args[0] == rollout.service
    ]


async def test_a_healthy_version_is_promoted_step_by_step(rig: Rig) -> None:
    rollout = await rig.rollout()
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.SUCCEEDED
    assert weights_set(rig, rollout) == [10, 50, 100]
    assert await rig.serving(rollout) == "v2"
    assert await rig.running(rollout) == {"v2"}
    assert state.exposure.requests > 0
    assert rig.ledger.kinds(rollout.id) == [
        *("started", "prepared"),
        *("shifted", "judged") * 3,
        *("committed", "removed"),
    ]
    assert rig.ledger.entries[rollout.id][-1].state == state


async def test_every_look_is_written_down_once(rig: Rig) -> None:
    rollout = await rig.rollout()
    await rig.client.result(rollout.id)
    looks = rig.ledger.looks[rollout.id]
    watches = {generation for generation, number in looks if number < 1_000_000}
    assert len(watches) == 3
    for watch in watches:
        numbers = [n for generation, n in sorted(looks) if generation == watch and n < 1_000_000]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= 4  # 400 ms of bake, a look each 100 ms
    assert all(record.reading is not None for record in looks.values())


async def test_a_faulty_version_is_rolled_back_and_removed(rig: Rig) -> None:
    rollout = await rig.rollout(faults={"v2": {"errors": "50%"}})
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.ROLLED_BACK
    assert weights_set(rig, rollout) == [10]
    assert await rig.serving(rollout) == "v1"
    assert await rig.running(rollout) == {"v1"}
    assert state.exposure.errors > 0
    order = rig.platform.operations("router.restore", "router.drain", "orchestrator.remove")
    assert order == ["router.restore", "router.drain", "orchestrator.remove"]
    assert rig.platform.urgent == {"router.restore", "router.read"}
    assert "errors" in rig.ledger.entries[rollout.id][-1].sentence


async def test_a_version_that_never_starts_gets_no_traffic(rig: Rig) -> None:
    rollout = await rig.rollout(faults={"v2": {"crash": True}})
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.ROLLED_BACK
    assert "crash" in state.reason
    assert weights_set(rig, rollout) == []
    assert await rig.serving(rollout) == "v1"


async def test_a_version_whose_requests_are_unseen_is_never_promoted(rig: Rig) -> None:
    rollout = await rig.rollout(faults={"v2": {"unseen": True}})
    state = await rig.reach(rollout, Phase.PAUSED)
    assert await rig.weight(rollout) == 10
    assert state.judgement is not None
    await rig.ask(rollout, AbortRequested)
    assert (await rig.client.result(rollout.id)).phase is Phase.ABORTED


async def test_the_very_first_version_is_installed(rig: Rig) -> None:
    rollout = await rig.rollout(plan(install=True), installed=False)
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.SUCCEEDED
    assert await rig.serving(rollout) == "v2"


async def test_a_first_version_that_crashes_leaves_nothing(rig: Rig) -> None:
    faults = {"v2": {"crash": True}}
    rollout = await rig.rollout(plan(install=True), installed=False, faults=faults)
    assert (await rig.client.result(rollout.id)).phase is Phase.ROLLED_BACK
    assert await rig.platform.inner.orchestrator.stable(rollout.service) is None
    assert await rig.running(rollout) == set()


async def test_an_install_over_a_running_version_does_not_touch_it(rig: Rig) -> None:
    rollout = await rig.rollout(plan(install=True))
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.ROLLED_BACK
    assert "runs v1 already" in state.reason
    assert await rig.serving(rollout) == "v1"
    assert await rig.running(rollout) == {"v1"}


async def test_a_gate_is_opened_by_a_person(rig: Rig) -> None:
    gate = Gate(GateKind.APPROVAL, "operator")
    rollout = await rig.rollout(plan(Step(10, BAKE, gate), Step(100, BAKE)))
    await rig.reach(rollout, Phase.AWAITING_APPROVAL)
    answer = await rig.ask(rollout, ApproveRequested)
    assert not answer.refused
    assert (await rig.client.result(rollout.id)).phase is Phase.SUCCEEDED


async def test_a_pause_outlives_the_lease_under_watch(rig: Rig) -> None:
    short = plan(Step(10, timedelta(seconds=30)), Step(100, BAKE), lease=timedelta(seconds=1.5))
    rollout = await rig.rollout(short)
    await eventually(lambda: weights_set(rig, rollout))
    await rig.reach(rollout, Phase.PROGRESSING)
    await rig.ask(rollout, PauseRequested)
    looks = rig.ledger.looks.setdefault(rollout.id, {})
    before = len(looks)
    await eventually(lambda: len(looks) > before + 25)
    assert await rig.weight(rollout) == 10
    await rig.ask(rollout, AbortRequested)
    await rig.client.result(rollout.id)


async def test_a_foreign_edit_pauses_and_is_explained(rig: Rig) -> None:
    rollout = await rig.rollout(plan(Step(10, timedelta(seconds=30)), Step(100, BAKE)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.platform.inner.edit(rollout.service.name, "v2", 33)  # type: ignore[attr-defined]
    state = await rig.reach(rollout, Phase.PAUSED)
    assert "33" in state.foreign
    assert await rig.weight(rollout) == 33  # never overwritten silently
    await rig.ask(rollout, AbortRequested)
    assert (await rig.client.result(rollout.id)).phase is Phase.ABORTED
    assert await rig.platform.inner.router.read(rollout.service) == Split("v1")


async def test_starting_twice_is_one_rollout(rig: Rig) -> None:
    rollout = await rig.rollout()
    await rig.client.start(rollout)
    await rig.client.result(rollout.id)
    await rig.client.start(rollout)
    assert rig.ledger.kinds(rollout.id).count("started") == 1


async def test_an_unknown_rollout_is_said_so(rig: Rig) -> None:
    with pytest.raises(RolloutNotFound, match="no rollout nowhere"):
        await rig.client.state("nowhere")
    with pytest.raises(RolloutNotFound, match="no rollout nowhere"):
        await rig.client.request("nowhere", PauseRequested(at=datetime.now(UTC)))
