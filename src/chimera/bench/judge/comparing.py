"""What the results mean: one rule against the best honest peer of each faulty world."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chimera.bench.judge.arena import Role
from chimera.bench.judge.contest import HONEST, Result

LEAST = 0.05
NOTHING = "no analysis"
LEFT_OUT = ("errors x2", "latency +10 %")

Key = tuple[str, float, float]


class Honesty(StrEnum):
    """Where a peer may roll back at most 1 % of healthy versions to count.

    plain: at the same rate and errors, no accident. cold: and in a cold start. every: in all worlds
    of the same rate.
    """

    PLAIN = "plain"
    COLD = "cold"
    EVERY = "every"


DOCUMENTED = (Role.PEER,)
ALL_PEERS = (Role.PEER, Role.SHARPENED)
TUNED = (Role.PEER, Role.SHARPENED, Role.TUNED)


@dataclass(frozen=True, slots=True)
class Cell:
    """One faulty world: bad responses per rollout of a rule and of the best honest peer."""

    fault: str
    rate: float
    errors: float
    ours: Result
    peer: Result
    here: Mapping[str, Result]

    @property
    def against_peer(self) -> float:
        """How many times fewer bad responses than under the best honest peer."""
        return times(self.peer.excess, self.ours.excess)

    def against(self, rule: str) -> float:
        """How many times as many as under a rule."""
        return times(self.ours.excess, self.here[rule].excess)

    @property
    def main(self) -> bool:
        """Whether it counts in the headline; faults that hardly anybody can see do not."""
        return self.fault not in LEFT_OUT


def times(one: float, other: float) -> float:
    """Return the ratio of two numbers of bad responses; fewer than LEAST count as LEAST."""
    return max(one, LEAST) / max(other, LEAST)


def worlds(results: Iterable[Result]) -> dict[Key, dict[str, Result]]:
    """Return the results by world and rule."""
    found: dict[Key, dict[str, Result]] = {}
    for result in results:
        found.setdefault((result.world, result.rate, result.errors), {})[result.rule] = result
    return found


def cells(
    results: Sequence[Result],
    rule: str,
    roles: Sequence[Role] = DOCUMENTED,
    honesty: Honesty = Honesty.PLAIN,
) -> tuple[Cell, ...]:
    """Return every faulty world with the honest peer, of these roles, that did best there."""
    known = worlds(results)
    liars = _liars(results, honesty)
    found = []
    for key, here in known.items():
        if rule not in here or not here[rule].faulty:
            continue
        name, rate, errors = key
        plain = known["plain", rate, errors]
        honest = [
            one
            for one in here.values()
            if one.role in roles
            and plain[one.rule].rolled_back <= HONEST
            and (rate, one.rule) not in liars
        ]
        best = min([*honest, here[NOTHING]], key=lambda one: one.excess)
        found.append(Cell(name, rate, errors, here[rule], best, here))
    return tuple(found)


def _liars(results: Sequence[Result], honesty: Honesty) -> set[tuple[float, str]]:
    """Return (rate, rule) of those who roll back too often somewhere."""
    if honesty is Honesty.PLAIN:
        return set()
    return {
        (one.rate, one.rule)
        for one in results
        if not one.faulty and one.rolled_back > HONEST and _tells(one, honesty)
    }


def _tells(result: Result, honesty: Honesty) -> bool:
    return honesty is Honesty.EVERY or result.world.startswith("cold start")


def mean(found: Iterable[Cell], ratio: Callable[[Cell], float]) -> float:
    """Return the geometric mean of a ratio over cells, without those where it is unknown."""
    values = [ratio(cell) for cell in found]
    logs = [math.log(value) for value in values if value > 0 and not math.isnan(value)]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan
