"""A benchmark that broke off goes on: what is on record is read, and the rest is the same."""

import json
from pathlib import Path

from chimera.bench.judge import contest, live
from chimera.bench.judge.live import FAULTS, Repetition
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.world import Plan, Scenario

BROKEN = tuple(Scenario(f"broken at {rate}", rate, plus=1.0) for rate in (60.0, 100.0))
FOUND = [Repetition(fault, "rolled_back", 1.5, 4, 0.7, 59.9) for fault in FAULTS]


def test_no_live_run_yet_is_an_empty_record(tmp_path: Path) -> None:
    assert live.read(tmp_path / "live.json") == ()


def test_live_repetitions_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    for number in range(1, len(FOUND) + 1):
        live.save(path, FOUND[:number])
        assert live.read(path) == tuple(FOUND[:number])
    assert len(json.loads(path.read_text())) == len(FOUND)


def test_a_record_from_before_loads_were_noted_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    old = {"fault": "slow2", "ended": "succeeded", "decided_s": 0.0, "responses": 9}
    path.write_text(json.dumps([old]))
    assert live.read(path) == (Repetition("slow2", "succeeded", 0.0, 9),)


def test_a_grid_goes_on_as_if_it_had_not_broken_off(tmp_path: Path) -> None:
    (rest,) = contest.contest(BROKEN, 1, (2, 2), since=1)
    second = contest.play(BROKEN[1], entrants(), Plan(), 2, contest.SEEDS_APART + 1)
    assert str(rest) == str(second)  # by their words: a median of nothing is not itself
    path = tmp_path / "grid.csv"
    contest.save(path, rest)
    assert str(contest.read(path)) == str(rest)


def test_nothing_is_left_of_a_grid_that_is_over() -> None:
    assert list(contest.contest(BROKEN, 1, (2, 2), since=len(BROKEN))) == []
