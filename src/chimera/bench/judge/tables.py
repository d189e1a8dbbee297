"""The report's tables, from the results of the grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from chimera.bench.judge import limit
from chimera.bench.judge.arena import Role
from chimera.bench.judge.comparing import (
    ALL_PEERS,
    DOCUMENTED,
    NOTHING,
    TUNED,
    Cell,
    Honesty,
    cells,
    mean,
    times,
    worlds,
)
from chimera.bench.judge.contest import Result
from chimera.bench.judge.grid import FAULTS
from chimera.bench.judge.world import Plan, Scenario

ALL_KNOWING = "clairvoyant"
SAME_DUTY = "clairvoyant, warm-up"
ROBUST = "clairvoyant, robust, warm-up"
WARM_UP_S = 30
_FAULTS = {fault.name: fault for fault in FAULTS}


def row(values: Iterable[str]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(values) + " |"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(row(line) for line in (head, rule, *rows))


def number(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    if math.isnan(value):
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 10 else f"{value:.2g}"


def names(results: Sequence[Result], *roles: Role) -> list[str]:
    """Return the rules of these roles, in the order of the contest."""
    return list(dict.fromkeys(one.rule for one in results if one.role in roles))


def least(cell: Cell, look_s: int = 1) -> float:
    """Return the fewest bad responses that theory allows in a cell, at our detection."""
    kind = _FAULTS[cell.fault]
    changes = {name: getattr(kind, name) for name in ("plus", "times", "slow", "onset_s", "drift")}
    world = Scenario(cell.fault, cell.rate, cell.errors, **changes)
    return limit.least(world, Plan(), cell.ours.rolled_back, look_s, WARM_UP_S)


def against_peers(results: Sequence[Result]) -> str:
    """Say how many times fewer bad responses each of our rules allows than the best honest peer."""
    views: list[tuple[str, Sequence[Role], Honesty]] = [
        ("as documented", DOCUMENTED, Honesty.PLAIN),
        ("sharpened too", ALL_PEERS, Honesty.PLAIN),
        ("tuned by an oracle too", TUNED, Honesty.PLAIN),
        ("sharpened, honest in cold starts", ALL_PEERS, Honesty.COLD),
        ("sharpened, honest everywhere", ALL_PEERS, Honesty.EVERY),
    ]
    rows = []
    for rule in names(results, Role.OURS, Role.STUDY, Role.BOUND):
        line = [rule]
        for _, roles, honesty in views:
            found = [cell for cell in cells(results, rule, roles, honesty) if cell.main]
            worst = min(cell.against_peer for cell in found)
            line.append(f"{mean(found, lambda c: c.against_peer):.3g} ({worst:.2g})")
        rows.append(line)
    return table(["Rule", *(name for name, *_ in views)], rows)


def against_knowing(results: Sequence[Result]) -> str:
    """Say how far each of our rules is from what can be known."""
    rows = []
    for rule in names(results, Role.OURS, Role.STUDY, Role.BOUND):
        if rule == NOTHING:
            continue
        found = [cell for cell in cells(results, rule) if cell.main]
        ratios: list[Callable[[Cell], float]] = [
            lambda cell: cell.against(ALL_KNOWING),
            lambda cell: cell.against(SAME_DUTY),
            lambda cell: cell.against(ROBUST),
            lambda cell: times(cell.ours.excess, least(cell)),
        ]
        rows.append([rule, *(f"{mean(found, ratio):.2f}" for ratio in ratios)])
    head = ["Rule", "of all-knowing", "with the same warm-up", "and outage-proof", "of the bound"]
    return table(head, rows)


def by_fault(results: Sequence[Result], rule: str, slower: str) -> str:
    """Show each fault at each rate, stable failing 0.1 %."""
    rows = []
    other = {(c.fault, c.rate, c.errors): c.ours for c in cells(results, slower)}
    for cell in cells(results, rule):
        if cell.errors != 0.001:
            continue
        five = other[cell.fault, cell.rate, cell.errors]
        rows.append(
            [
                cell.fault,
                f"{cell.rate:,.0f}",
                number(cell.here[NOTHING].excess),
                f"{number(cell.peer.excess)} ({cell.peer.rule})",
                number(cell.ours.excess),
                number(five.excess),
                number(cell.here[SAME_DUTY].excess),
                number(least(cell)),
                f"{cell.ours.rolled_back:.0%}",
                _seconds(cell.ours.median_s),
                number(cell.against_peer),
            ]
        )
    head = ["Fault", "Requests/s", "No analysis", "Best honest peer", "1 s", "5 s", "Clairvoyant"]
    return table([*head, "Bound", "Found", "Median", "Times fewer"], rows)


def _seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f} s"


def false_rollbacks(results: Sequence[Result], rules: Sequence[str]) -> str:
    """Show how many healthy versions were rolled back, with the 95 % interval's upper end."""
    rows = []
    for (name, rate, errors), here in worlds(results).items():
        if next(iter(here.values())).faulty:
            continue
        counts = [f"{_count(here[rule])} ({here[rule].upper:.2%})" for rule in rules]
        runs = f"{here[rules[0]].runs:,}"
        rows.append([name, _rate(rate), f"{errors:.1%}", runs, *counts])
    return table(["World", "Requests", "Errors", "Rollouts", *rules], rows)


def _count(result: Result) -> str:
    return f"{round(result.rolled_back * result.runs)}"


def _rate(rate: float) -> str:
    return f"{rate * 60:.0f} a minute" if rate < 1 else f"{rate:,.0f}/s"


def worst_of_peers(results: Sequence[Result], rules: Sequence[str]) -> str:
    """Show each rule's worst share of false rollbacks in each kind of healthy world."""
    kinds = list(dict.fromkeys(one.world for one in results if not one.faulty))
    rows = []
    for rule in rules:
        mine = [one for one in results if one.rule == rule and not one.faulty]
        worst = [max(one.rolled_back for one in mine if one.world == kind) for kind in kinds]
        rows.append([rule, *(f"{share:.1%}" for share in worst)])
    return table(["Rule", *kinds], rows)


def in_time(results: Sequence[Result], rules: Sequence[str]) -> str:
    """Show how many healthy versions were promoted in the plan's own time."""
    rows = []
    for (name, rate, errors), here in worlds(results).items():
        if next(iter(here.values())).faulty or rate < 100:
            continue
        shares = [f"{here[rule].promoted_in_time:.1%}" for rule in rules]
        rows.append([name, _rate(rate), f"{errors:.1%}", *shares])
    return table(["World", "Requests", "Errors", *rules], rows)


def broken(results: Sequence[Result], rules: Sequence[str]) -> str:
    """Show what a canary costs that always fails."""
    rows = []
    for (name, rate, errors), here in worlds(results).items():
        if name != "errors 100 %" or errors != 0.001:
            continue
        costs = [f"{number(here[rule].excess)} ({number(here[rule].excess_p95)})" for rule in rules]
        rows.append([_rate(rate), number(rate * 0.05), *costs])
    return table(["Requests", "One second's worth", *rules], rows)


def barely_slower(results: Sequence[Result], rule: str) -> str:
    """Show what analysis gains where latency is 10 % higher."""
    rows = []
    for cell in cells(results, rule):
        if cell.fault == "latency +10 %":
            nothing = cell.here[NOTHING].excess
            found = [number(nothing), number(cell.ours.excess)]
            ratio = number(times(nothing, cell.ours.excess))
            rows.append([_rate(cell.rate), f"{cell.errors:.1%}", *found, ratio])
    return table(["Requests", "Errors", "No analysis", "1 s", "Times fewer"], rows)
