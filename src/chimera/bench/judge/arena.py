"""Lets one rule drive rollouts through the traces, and counts what users met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from chimera.bench.judge.totals import Bools, Seen, Totals
from chimera.bench.judge.world import Floats, Plan, Scenario


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule is about to judge: a world, a plan, so many rollouts at once."""

    scenario: Scenario
    plan: Plan
    runs: int
    seed: int


class Role(StrEnum):
    """Who a rule plays for.

    ours: this project. study: it without one of its precautions, to see what that one costs.
    peer: another one, as its sources and guides set it. sharpened: a peer with settings that nobody
    documents, but a careful operator might choose. tuned: a peer's settings that only somebody who
    knows the fault would choose. bound: what limits everybody.
    """

    OURS = "ours"
    STUDY = "study"
    PEER = "peer"
    SHARPENED = "sharpened"
    TUNED = "tuned"
    BOUND = "bound"


class Rule(Protocol):
    """One way to judge. `look_s`: seconds between looks. A fresh one is made for every scenario."""

    name: str
    look_s: int

    def begin(self, match: Match) -> None:
        """Get ready."""

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Return (roll back now, may advance when the bake is over), each (runs,)."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A rule that competes; every file of `rules` lists its own as ENTRANTS."""

    role: Role
    make: Callable[[], Rule]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per run: seconds until rollback and until promotion (nan: none), excess bad responses."""

    rolled_back: Floats
    promoted: Floats
    excess: Floats


def drive(rule: Rule, scenario: Scenario, plan: Plan, totals: Totals, seed: int = 0) -> Outcome:
    """Run every rollout of some traces under one rule.

    Whatever the look's length, it acts at its end only: the weights never change in between.
    """
    runs = totals.runs
    rule.begin(Match(scenario, plan, runs, seed))
    band = np.searchsorted(totals.edges, plan.weights)
    weights = np.array(plan.weights, dtype=np.float64)
    step, age, alive = np.zeros(runs, int), np.zeros(runs, int), np.ones(runs, bool)
    changed = np.zeros(runs, bool)
    rolled, promoted, excess = np.full(runs, np.nan), np.full(runs, np.nan), np.zeros(runs)
    for second in range(rule.look_s, totals.seconds + 1, rule.look_s):
        excess += np.where(alive, totals.excess(second - rule.look_s, second, band[step]), 0)
        age += rule.look_s
        seen = totals.seen(second, rule.look_s, band[step], weights[step], changed)
        back, go = rule.look(seen)
        back = back & alive
        rolled[back] = second
        alive &= ~back
        onward = alive & go & (age >= plan.bake_s)
        last = step == len(plan.weights) - 1
        promoted[onward & last] = second
        alive &= ~(onward & last)
        changed = onward & ~last
        step, age = step + changed, np.where(changed, 0, age)
        if not alive.any():
            break
    return Outcome(rolled, promoted, excess)
