"""Plays every rule in every world and adds up the results."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from chimera.bench.judge.arena import Entrant, Outcome, Role, drive
from chimera.bench.judge.grid import HEALTHY
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario, draw

HORIZON_S = 420
RARE, RARE_HORIZON_S = 1.0, 1800  # requests a second, and how long those with fewer are played
SPARE_S = 120
SEEDS_APART = 1_000_000
AGAIN, HONEST = 1000, 0.01
IN_HEALTH = (Role.OURS, Role.PEER, Role.SHARPENED)


@dataclass(frozen=True, slots=True)
class Result:
    """One rule in one world. Shares of runs; seconds (nan if never); bad responses per rollout.

    rate: requests/s. errors: stable's share. error: the standard error of `excess`.
    """

    world: str
    rate: float
    errors: float
    faulty: bool
    role: str
    rule: str
    runs: int
    rolled_back: float
    promoted_in_time: float
    median_s: float
    excess: float
    error: float
    excess_p95: float

    @property
    def upper(self) -> float:
        """The upper end of the two-sided 95 % interval of `rolled_back` (Wilson)."""
        z, p, n = 1.96, self.rolled_back, self.runs
        middle = p + z * z / (2 * n)
        spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle + spread) / (1 + z * z / n)


def contest(
    worlds: Sequence[Scenario], seed: int, runs: tuple[int, int], workers: int = 1, since: int = 0
) -> Iterator[tuple[Result, ...]]:
    """Play all worlds, one after the other. runs: of faulty and of healthy ones.

    since: how many of the worlds were played before, and are left out.

    The same arguments give the same results. In a healthy world whoever only shows a limit or the
    cost of a precaution does not compete, and tuned rules do in plain ones only.
    """
    numbered = [(world, seed * SEEDS_APART + number) for number, world in enumerate(worlds)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_play, runs), numbered[since:])


def contest_again(results: Sequence[Result], seed: int) -> tuple[Result, ...]:
    """Let our rules play those healthy worlds again that are undecided: AGAIN runs each.

    There few rollouts had so few false alarms that they do not show how rare those are.
    """
    doubted = {
        (one.world, one.rate, one.errors)
        for one in results
        if one.role == Role.OURS and not one.faulty and one.rolled_back <= HONEST < one.upper
    }
    found: list[Result] = []
    for number, (name, rate, errors) in enumerate(sorted(doubted)):
        kind = next(world for world in HEALTHY if world.name == name)
        world = replace(kind, rate=rate, errors=errors)
        found += play(world, entrants(Role.OURS), Plan(), AGAIN, seed * SEEDS_APART + number)
    return tuple(found)


def _play(runs: tuple[int, int], numbered: tuple[Scenario, int]) -> tuple[Result, ...]:
    world, seed = numbered
    if world.faulty:
        return play(world, entrants(), Plan(), runs[0], seed)
    roles = (*IN_HEALTH, Role.TUNED) if world.name == "plain" else IN_HEALTH
    return play(world, entrants(*roles), Plan(), runs[1], seed)


def play(
    world: Scenario, competing: Sequence[Entrant], plan: Plan, runs: int, seed: int
) -> tuple[Result, ...]:
    """Let every rule drive the same traces."""
    seconds = RARE_HORIZON_S if world.rate < RARE else HORIZON_S
    totals = Totals(draw(world, plan, runs, max(seconds, plan.seconds + SPARE_S), seed))
    results = []
    for entrant in competing:
        rule = entrant.make()
        outcome = drive(rule, world, plan, totals, seed)
        results.append(_result(world, entrant.role, rule.name, plan, outcome))
    return tuple(results)


def _result(world: Scenario, role: Role, rule: str, plan: Plan, outcome: Outcome) -> Result:
    back = np.isfinite(outcome.rolled_back)
    in_time = outcome.promoted <= plan.seconds
    return Result(
        world.name,
        world.rate,
        world.errors,
        world.faulty,
        role.value,
        rule,
        len(back),
        float(back.mean()),
        float(in_time.mean()),
        float(np.median(outcome.rolled_back[back])) if back.any() else math.nan,
        float(outcome.excess.mean()),
        float(outcome.excess.std() / math.sqrt(len(back))),
        float(np.quantile(outcome.excess, 0.95)),
    )


def save(path: Path, results: Sequence[Result]) -> None:
    """Write results as CSV."""
    names = [field.name for field in fields(Result)]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerows([[getattr(result, name) for name in names] for result in results])


def read(path: Path) -> tuple[Result, ...]:
    """Read what `save` wrote."""
    with path.open(newline="") as file:
        return tuple(_of_row(row) for row in csv.DictReader(file))


def _of_row(row: dict[str, str]) -> Result:
    kinds: dict[str, Callable[[str], Any]] = {
        "bool": lambda text: text == "True",
        "int": int,
        "float": float,
        "str": str,
    }
    return Result(**{each.name: kinds[str(each.type)](row[each.name]) for each in fields(Result)})
