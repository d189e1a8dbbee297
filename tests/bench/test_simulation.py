"""Simulated rollouts keep every promise, whatever happens to them."""

from dataclasses import replace

import pytest

from chimera.bench.simulation import PLANS, simulate
from chimera.bench.trial import Held, Trial
from chimera.bench.world import SimulatedWorld
from chimera.core.model import Verdict
from chimera.core.state import Phase


def test_two_thousand_lives_and_none_astray() -> None:
    tally = simulate(2000, seed=11)
    assert tally.broken == []
    assert tally.rollouts == 2000
    assert sum(tally.phases.values()) == 2000
    ends = {Phase.SUCCEEDED.value, Phase.ROLLED_BACK.value, Phase.ABORTED.value}
    assert set(tally.phases) == ends  # each way to end is met
    assert tally.per_minute > 0


def test_the_same_seed_gives_the_same_lives() -> None:
    first, again, other = (simulate(50, seed=seed) for seed in (1, 1, 2))
    assert replace(first, seconds=0.0) == replace(again, seconds=0.0)
    assert first.events != other.events


def test_without_accidents_the_verdict_decides() -> None:
    for plan in (plan for plan in PLANS if not plan.install):
        for verdict, phase in (
            (Verdict.HEALTHY, Phase.SUCCEEDED),
            (Verdict.UNHEALTHY, Phase.ROLLED_BACK),
        ):
            trial = Trial(plan, SimulatedWorld(verdict=verdict))
            trial.finish()
            assert trial.broken == []
            assert trial.state.phase is phase


def test_the_world_notices_what_must_not_happen() -> None:
    world = SimulatedWorld()
    world.write(1, weight=5)
    assert world.broken == ["traffic goes to a canary that does not run"]
    world = SimulatedWorld()
    world.write(1, start="new", weight=100)
    world.write(2, stable="new")
    assert world.broken == ["promoted before 100 % held for a healthy interval"]
    for one in world.recorded("old"):
        world.write(3, remove=one)
    world.write(4, stable="old", weight=50)
    assert world.broken[1:] == ["traffic goes to an old version that was removed"]


@pytest.mark.parametrize("which", ["old", "bystander", "by-hand"])
def test_the_world_notices_when_something_else_is_removed(which: str) -> None:
    world = SimulatedWorld()
    world.write(1, start="new")
    one = next(one for one in world.things.values() if one.id.startswith(which))
    world.write(2, remove=one)
    assert world.broken == [f"removed part {one.id}, which is not the version that lost"]


def test_two_rollouts_never_have_one_service() -> None:
    plan = PLANS[0]
    world = SimulatedWorld()
    first = Trial(plan, world)
    with pytest.raises(Held):
        Trial(plan, world, "two")
    first.finish()
    second = Trial(plan, world, "two")
    assert world.holder == "two"
    assert not second.another()
