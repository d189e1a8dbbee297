"""The quick benchmark as a regression test: fixed seeds, wide margins."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.support.judged import Worlds, side_by_side

from chimera.bench.judge.__main__ import main
from chimera.bench.judge.arena import Outcome, Role, Rule, drive
from chimera.bench.judge.grid import FAULTS, HEALTHY
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.rules.chimera_rule import ChimeraRule, Past
from chimera.bench.judge.rules.none import NoAnalysis
from chimera.bench.judge.rules.oracle import Oracle
from chimera.bench.judge.told import BEYOND
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario, draw

SEED = 11
BRISK, PATIENT = Plan(bake_s=30), Plan(bake_s=300)
NAMED = {world.name: world for world in (*FAULTS, *HEALTHY)}
MOST = {
    "errors +1 %": 9.5,
    "errors +5 %": 5.0,
    "errors +50 %": 5.5,
    "errors 100 %": 6.0,
    "errors x5": 27.0,
    "latency +10 %": 25.0,
    "latency +50 %": 1.5,
    "latency x3": 3.0,
    "late +5 %": 17.0,
    "drift to +5 %": 14.0,
}


@pytest.mark.parametrize(
    ("rate", "past"), [(1 / 6, Past.NONE), (100.0, Past.NONE), (100.0, Past.KNOWN)]
)
def test_healthy_versions_are_not_thrown_away(rate: float, past: Past) -> None:
    worlds = [replace(world, rate=rate) for world in HEALTHY]
    found = side_by_side(worlds, BRISK, 60, 240, SEED).judged(past=past)
    for name, outcome in found.items():
        most = 0.15 if name == BEYOND else 0.04
        assert np.isfinite(outcome.rolled_back).mean() <= most, name


def test_a_healthy_version_is_promoted_in_the_plans_own_time() -> None:
    worlds = side_by_side([replace(NAMED["plain"], rate=100.0)], Plan(), 120, 310, SEED)
    assert (worlds.judged()["plain"].promoted <= Plan().seconds).mean() >= 0.95


@cache
def bad_versions() -> Worlds:
    """Every fault of MOST, at 100 requests/s; one so small that it takes more to be seen."""
    rates = {"latency +10 %": 1000.0}
    worlds = [replace(NAMED[name], rate=rates.get(name, 100.0)) for name in MOST]
    return side_by_side(worlds, Plan(), 60, 400, SEED)


@cache
def harm_of_ours() -> dict[str, Outcome]:
    return bad_versions().judged(warm_up_s=0)


@pytest.mark.xdist_group("bad-versions")
@pytest.mark.parametrize("fault", MOST)
def test_few_users_meet_a_bad_version(fault: str) -> None:
    worlds = bad_versions()
    whole = drive(NoAnalysis(), worlds.scenarios[0], worlds.plan, worlds.totals)
    ours, nothing = harm_of_ours()[fault].excess.mean(), worlds.apart(whole)[fault].excess.mean()
    assert ours <= MOST[fault]
    assert ours < nothing / 2


@cache
def broken(name: str = "errors 100 %") -> tuple[Scenario, Totals]:
    """A canary that always fails. No plan ends before a peer has judged once."""
    world = replace(NAMED[name], rate=100.0)
    return world, Totals(draw(world, PATIENT, 60, 400, SEED))


PEERS = [entrant.make for entrant in entrants(Role.PEER, Role.SHARPENED)]


@cache
def found_by_us() -> Outcome:
    return drive(ChimeraRule(1, past=Past.NONE), broken()[0], PATIENT, broken()[1], SEED)


@pytest.mark.parametrize("peer", PEERS, ids=lambda make: make().name)
def test_each_peer_finds_a_broken_canary_and_later_than_we_do(peer: Callable[[], Rule]) -> None:
    theirs, ours = drive(peer(), broken()[0], PATIENT, broken()[1], SEED), found_by_us()
    assert np.isfinite(theirs.rolled_back).all()
    assert np.isfinite(ours.rolled_back).all()
    assert np.nanmedian(theirs.rolled_back) > np.nanmedian(ours.rolled_back)


def test_whoever_knows_everything_is_not_beaten() -> None:
    world, totals = broken("errors +5 %")
    rules = (ChimeraRule(1, past=Past.NONE), Oracle())
    ours, knowing = (drive(rule, world, PATIENT, totals, SEED) for rule in rules)
    assert knowing.excess.mean() <= ours.excess.mean() <= 4 * knowing.excess.mean()


def test_a_world_of_ones_own_can_be_drawn() -> None:
    traces = draw(Scenario("mine", 50, plus=0.1), Plan((50, 100), 10), 3, 20, 1)
    assert traces.requests.shape == (20, 3, 2)
    assert (traces.failed[1] <= traces.requests).all()
    assert (traces.cells[0].sum(-1) == traces.requests).all()


def test_the_help_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--quick" in capsys.readouterr().out
