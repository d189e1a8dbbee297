"""The report's smaller tables, and what is said of the live part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chimera.bench.judge.live import RATE, Repetition
from chimera.bench.judge.studies import Agreement, Blame, Defaults, OtherPlan, Twin
from chimera.bench.judge.tables import number, table
from chimera.bench.judge.world import tails
from chimera.bench.report import quantile

_NAMES = {
    "errors10": "10 % errors",
    "errors2": "2 % errors",
    "slow2": "latency x2",
    "healthy": "healthy",
}


def blame_table(found: Iterable[Blame]) -> str:
    """Show who was blamed for an outage that was not theirs."""
    rows = [
        [f"{one.rate:,.0f}/s", f"{one.lag_s} s", str(one.runs), str(one.unaware), str(one.aware)]
        for one in found
    ]
    return table(["Requests", "Ahead by", "Rollouts", "Blamed, no `skew`", "With `skew`"], rows)


def agreement_table(found: Iterable[Agreement]) -> str:
    """Show the product's code beside the arrays."""
    rows = [
        [one.fault, str(one.runs), number(one.product), number(one.arrays), str(one.differ)]
        for one in found
    ]
    return table(["World", "Rollouts", "Product's code", "Arrays", "Differ"], rows)


def defaults_table(found: Iterable[Defaults]) -> str:
    """Show what the limit on errors changes."""
    rows = [
        [
            one.fault,
            f"{one.errors:.1%}",
            str(one.runs),
            f"{number(one.shipped)} ({one.shipped_back})",
            f"{number(one.bare)} ({one.bare_back})",
        ]
        for one in found
    ]
    return table(["World", "Errors", "Rollouts", "With the limit", "Without"], rows)


def other_plans_table(found: Sequence[OtherPlan]) -> str:
    """Show each rule under each plan."""
    worlds = list(dict.fromkeys(one.world for one in found))
    cells = {(one.plan, one.rule, one.world): one for one in found}
    rows = [
        [plan, rule, *(_cell(cells[plan, rule, world]) for world in worlds)]
        for plan, rule in dict.fromkeys((one.plan, one.rule) for one in found)
    ]
    return table(["Plan", "Rule", *worlds], rows)


def _cell(one: OtherPlan) -> str:
    return number(one.excess) if one.excess else f"{one.rolled_back:.0%}"


def live_words(found: Sequence[Repetition]) -> str:
    """Say what was done live, and on how busy a machine."""
    words = f"""\
Real rollouts on one machine: real processes behind a real Envoy, {RATE:.0f} requests/s to each of
five services or so, side by side, strategy `fast`, the controller and its looks as users have them.
Beside them the product's judge in a simulation of the same traffic. Seconds from the canary's first
response to the decision, and bad responses expected of those that the canary gave; 5 to 95 % in
brackets.
"""
    if not found:
        return words
    loads, rates = [one.load for one in found], [one.rate for one in found]
    low, mid, high = (quantile(loads, q) for q in (0.05, 0.5, 0.95))
    return words + (
        f"\nEvery repetition is in the table, whatever became of it: {len(found)};\nload average of"
        f" the machine {mid:.1f} ({low:.1f}-{high:.1f});"
        f" requests sent per second and service {quantile(rates, 0.5):.0f}"
        f" ({quantile(rates, 0.05):.0f}-{quantile(rates, 0.95):.0f}).\n"
    )


def live_table(found: Sequence[Repetition], twins: Iterable[Twin]) -> str:
    """Show what happened live beside what the simulation expects."""
    if not found:
        return "Not run yet."
    rows = []
    for each in twins:
        mine = [one for one in found if one.fault == each.fault]
        back = [one for one in mine if one.ended == "rolled_back"]
        bad = [one.responses * _harm(each.fault) for one in back]
        expected = f"{each.rolled_back} of {each.runs}"
        low, mid, high = each.decided_s
        few, usual, most = each.bad
        rows.append(
            [
                _NAMES[each.fault],
                f"{len(back)} of {len(mine)}{_otherwise(mine)}",
                _spread([one.decided_s for one in back]),
                _spread(bad),
                expected,
                f"{mid:.0f} ({low:.0f}-{high:.0f})" if each.rolled_back else "-",
                f"{number(usual)} ({number(few)}-{number(most)})" if each.rolled_back else "-",
            ]
        )
    head = ["Canary", "Rolled back", "Seconds", "Bad responses"]
    return table([*head, "Simulated: rolled back", "Seconds", "Bad responses"], rows)


def _otherwise(mine: Sequence[Repetition]) -> str:
    """Say how those ended that neither were rolled back nor succeeded."""
    odd = sorted({one.ended for one in mine} - {"rolled_back", "succeeded"})
    return "".join(f", {sum(one.ended == end for one in mine)} {end}" for end in odd)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    low, mid, high = (quantile(values, q) for q in (0.05, 0.5, 0.95))
    return f"{number(mid)} ({number(low)}-{number(high)})"


def _harm(fault: str) -> float:
    if fault.startswith("errors"):
        return int(fault.removeprefix("errors")) / 100
    slowdown = float(fault.removeprefix("slow")) if fault.startswith("slow") else 1.0
    return float(tails(slowdown)[2] - tails(1.0)[2])
