"""The quick benchmark as a regression test: fixed seeds, wide margins."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from chimera.bench.judge.__main__ import main
from chimera.bench.judge.arena import Outcome, Role, Rule, drive
from chimera.bench.judge.grid import FAULTS, HEALTHY
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.rules.chimera_rule import ChimeraRule
from chimera.bench.judge.rules.none import NoAnalysis
from chimera.bench.judge.rules.oracle import Oracle
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario, draw

RUNS = 120
NAMED = {world.name: world for world in (*FAULTS, *HEALTHY)}


def play(name: str, rate: float, *rules: Rule) -> list[Outcome]:
    world = replace(NAMED[name], rate=rate)
    totals = Totals(draw(world, Plan(), RUNS, 400, 11))
    return [drive(rule, world, Plan(), totals, 11) for rule in rules]


@pytest.mark.parametrize("world", [world.name for world in HEALTHY])
@pytest.mark.parametrize("rate", [1 / 6, 100.0])
def test_healthy_versions_are_not_thrown_away(world: str, rate: float) -> None:
    (outcome,) = play(world, rate, ChimeraRule(1))
    assert np.isfinite(outcome.rolled_back).mean() <= 0.03


def test_a_healthy_version_is_promoted_in_the_plans_own_time() -> None:
    (outcome,) = play("plain", 100.0, ChimeraRule(1))
    assert (outcome.promoted <= 300).mean() >= 0.95


@pytest.mark.parametrize(
    ("fault", "rate", "most"),
    [
        ("errors +1 %", 100.0, 9.0),
        ("errors +5 %", 100.0, 5.0),
        ("errors +50 %", 100.0, 5.5),
        ("errors 100 %", 100.0, 6.5),
        ("errors x5", 100.0, 22.0),
        ("latency +10 %", 1000.0, 40.0),
        ("latency +50 %", 100.0, 1.0),
        ("latency x3", 100.0, 3.0),
        ("late +5 %", 100.0, 15.0),
        ("drift to +5 %", 100.0, 12.0),
    ],
)
def test_few_users_meet_a_bad_version(fault: str, rate: float, most: float) -> None:
    nothing, ours, _ = play(fault, rate, NoAnalysis(), ChimeraRule(1, warm_up_s=0), Oracle())
    assert ours.excess.mean() <= most
    assert ours.excess.mean() < nothing.excess.mean() / 2


PEERS = [entrant.make for entrant in entrants(Role.PEER, Role.SHARPENED)]


@pytest.mark.parametrize("peer", PEERS, ids=lambda make: make().name)
def test_each_peer_finds_a_broken_canary_and_later_than_we_do(peer: Callable[[], Rule]) -> None:
    theirs, ours = play("errors 100 %", 100.0, peer(), ChimeraRule(1))
    assert np.isfinite(theirs.rolled_back).all()
    assert np.isfinite(ours.rolled_back).all()
    assert np.nanmedian(theirs.rolled_back) > np.nanmedian(ours.rolled_back)


def test_a_world_of_ones_own_can_be_drawn() -> None:
    traces = draw(Scenario("mine", 50, plus=0.1), Plan((50, 100), 10), 3, 20, 1)
    assert traces.requests.shape == (20, 3, 2)
    assert (traces.failed[1] <= traces.requests).all()
    assert (traces.cells[0].sum(-1) == traces.requests).all()


def test_the_help_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--quick" in capsys.readouterr().out
