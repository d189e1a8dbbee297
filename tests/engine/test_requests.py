"""Every request in every situation: an answer at once, the core's, and a clean end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.engine import BAKE, Rig, plan
from tests.support.eventually import eventually
from tests.support.interposed import Trouble

from chimera.core.effects import Commit, Prepare, RemoveCanary, Restore, Shift, Watch
from chimera.core.errors import ProviderRefused
from chimera.core.events import (
    AbortRequested,
    AnyRequest,
    ApproveRequested,
    PauseRequested,
    PromoteRequested,
    ResumeRequested,
    RetryRequested,
    RevertRequested,
)
from chimera.core.plan import Gate, GateKind, Rollout, RolloutPlan, Step
from chimera.core.rollout import advance
from chimera.core.state import Phase, State
from chimera.engine.client import UNANSWERED

VERBS: tuple[type[AnyRequest], ...] = (
    PauseRequested,
    ResumeRequested,
    ApproveRequested,
    PromoteRequested,
    AbortRequested,
    RevertRequested,
    RetryRequested,
)
LONG = timedelta(seconds=60)
WATCHED = plan(Step(10, LONG), Step(100, BAKE))
GATED = plan(Step(10, BAKE, Gate(GateKind.APPROVAL)), Step(100, BAKE))
WARM = plan(Step(100, BAKE), scale_down_delay=timedelta(hours=1))
SHORT = plan(Step(100, BAKE))
BAD: dict[str, Any] = {"faults": {"v2": {"errors": "80%"}}}


def works_on(effect: type) -> Callable[[State], bool]:
    return lambda state: isinstance(state.work, effect)


def at(phase: Phase) -> Callable[[State], bool]:
    return lambda state: state.phase is phase


# situation: the plan, the platform's settings, the operation to hold, and what it looks like
SITUATIONS: dict[str, tuple[RolloutPlan, dict[str, Any], str, Callable[[State], bool]]] = {
    "preparing": (SHORT, {}, "orchestrator.start", works_on(Prepare)),
    "shifting": (WATCHED, {}, "router.set_weights", works_on(Shift)),
    "watching": (WATCHED, {}, "", works_on(Watch)),
    "awaiting approval": (GATED, {}, "", at(Phase.AWAITING_APPROVAL)),
    "committing": (SHORT, {}, "router.commit", works_on(Commit)),
    "warm": (WARM, {}, "", at(Phase.RETIRING)),
    "restoring": (WATCHED, BAD, "router.restore", works_on(Restore)),
    "removing": (WATCHED, BAD, "orchestrator.remove", works_on(RemoveCanary)),
}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_every_request_is_answered_as_the_core_says(rig: Rig, situation: str) -> None:
    its, settings, held, there = SITUATIONS[situation]
    gate = asyncio.Event()
    if held:
        rig.platform.trouble[held] = Trouble(gate=gate)

    async def ask(verb: type[AnyRequest]) -> Rollout:
        rollout = await rig.rollout(its, **settings)
        before = await rig.until(rollout, there)
        answer = await rig.ask(rollout, verb)
        request = verb(at=datetime.now(UTC), by="ada")
        expected = advance(its, before, request)
        assert (answer.text, answer.refused) == (expected.answer, expected.refused)
        assert answer.text
        return rollout

    rollouts = await asyncio.gather(*(ask(verb) for verb in VERBS))
    gate.set()  # only now: it holds all of them
    await asyncio.gather(*(finish(rig, rollout) for rollout in rollouts))


async def finish(rig: Rig, rollout: Rollout) -> None:
    """Bring a rollout to its end, whatever was asked of it, and look whether all is in order."""
    await rig.ask(rollout, AbortRequested)
    await rig.ask(rollout, RevertRequested)
    async with asyncio.timeout(90):
        state = await rig.client.result(rollout.id)
    winner = "v2" if state.phase is Phase.SUCCEEDED else "v1"
    assert await rig.serving(rollout) == winner
    assert await rig.running(rollout) == {winner}
    seqs = [entry.seq for entry in rig.ledger.entries[rollout.id]]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_a_cleanup_is_tried_again_at_once_when_asked(rig: Rig) -> None:
    refused = ProviderRefused("memory", "remove", "busy")
    rig.platform.trouble["orchestrator.remove"] = Trouble(refused, times=2)
    rollout = await rig.rollout(SHORT)
    await rig.until(rollout, lambda state: state.cleanup_attempts == 2)
    answer = await rig.ask(rollout, RetryRequested)
    assert answer.text == "trying the cleanup again"
    started = datetime.now(UTC)
    assert (await rig.client.result(rollout.id)).phase is Phase.SUCCEEDED
    assert datetime.now(UTC) - started < timedelta(seconds=3)


async def test_the_same_request_again_gets_the_same_answer_and_is_done_once(rig: Rig) -> None:
    rollout = await rig.rollout(WATCHED)
    await rig.until(rollout, works_on(Watch))
    answers = [await rig.ask(rollout, PauseRequested, id_="one") for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert rig.ledger.kinds(rollout.id).count("pause") == 1
    await rig.ask(rollout, AbortRequested, id_="two")
    await rig.client.result(rollout.id)
    assert await rig.ask(rollout, PauseRequested, id_="one") == answers[0]
    late = await rig.ask(rollout, PauseRequested)
    assert late.refused
    assert "over: aborted" in late.text


async def test_whatever_races_with_an_abort_the_abort_wins(rig: Rig) -> None:
    verbs = [PauseRequested, AbortRequested, PromoteRequested, AbortRequested, ResumeRequested]

    async def race(delay_s: float) -> None:
        rollout = await rig.rollout(plan(Step(10, BAKE), Step(100, LONG)))
        await rig.until(rollout, works_on(Watch))
        await asyncio.sleep(delay_s)  # anywhere in the bake, the shift or the next watch
        await asyncio.gather(*(rig.ask(rollout, verb) for verb in verbs))
        assert (await rig.client.result(rollout.id)).phase is Phase.ABORTED
        assert await rig.serving(rollout) == "v1"
        assert await rig.running(rollout) == {"v1"}

    await asyncio.gather(*(race(n * 0.1) for n in range(8)))


async def test_a_request_without_a_worker_is_kept_and_carried_out_later(bare: Rig) -> None:
    bare = replace(bare)
    bare.client.settings = bare.settings.model_copy(update={"answer_timeout_s": 0.5})
    async with bare.worker():
        rollout = await bare.rollout(WATCHED)
        await bare.until(rollout, works_on(Watch))
    assert await bare.ask(rollout, AbortRequested) == UNANSWERED
    assert await bare.weight(rollout) == 10
    async with bare.worker():
        assert (await bare.client.result(rollout.id)).phase is Phase.ABORTED
    assert await bare.serving(rollout) == "v1"


async def test_abort_reaches_the_routes_fast(rig: Rig) -> None:
    rollout = await rig.rollout(WATCHED)
    await rig.until(rollout, works_on(Watch))
    started = asyncio.get_running_loop().time()
    asking: Awaitable[object] = asyncio.ensure_future(rig.ask(rollout, AbortRequested))

    async def restored() -> bool:
        return await rig.weight(rollout) == 0

    await eventually(restored, every_s=0.005)
    assert asyncio.get_running_loop().time() - started < LONG.total_seconds() / 2
    await asking
    await rig.client.result(rollout.id)
