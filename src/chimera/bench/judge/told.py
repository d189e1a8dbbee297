"""The report's words, and what was promised beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from chimera.bench.judge.arena import Role
from chimera.bench.judge.comparing import DOCUMENTED, cells, mean, times, worlds
from chimera.bench.judge.contest import Result
from chimera.bench.judge.live import Repetition
from chimera.bench.judge.studies import SKEW_S, Blame
from chimera.bench.judge.tables import (
    ALL_KNOWING,
    ROBUST,
    SAME_DUTY,
    least,
    names,
    number,
    table,
)

BEYOND = "failures by eights"
WORLDS = """\
A world draws, each second, Poisson requests in bands of weight, their failures and latencies
(log-normal, median 80 ms, sigma 0.6, counted over 100, 250 and 500 ms). The plan is 5, 10, 25, 50,
100 %, one minute each. A rule acts on the traffic that its own decisions lead to. An *excess bad
response* is one that fails or takes over 500 ms and would not have on stable; of each rollout the
expected number is counted, given how many requests reached the canary. Rules: `chimera` with the
settings of strategy `careful` unless another is named, comparing errors and latency with stable,
looking every 1, 5 or 60 s; how failures cluster is learnt from six earlier rollouts of five minutes
by the product's own code. "First rollout": nothing is known yet.
"""
PEERS = """\
Each cell: how many times fewer bad responses than under the best peer of that world, geometric mean
over the faulty worlds at 10 requests/s and more (in brackets the worst world); "errors x2" and
"latency +10 %" are left out, which hardly any rule finds. A peer is *honest* if it rolls back at
most 1 % of healthy versions at the same rate and error rate. *As documented*: the settings that the
peers' sources and guides name. *Sharpened*: also Flagger every 10 s with threshold 1 and Argo with
1 %, which nobody documents. *Tuned by an oracle*: also a range of limits, of which the best is
chosen for each world with the fault in view. The last two columns count only sharpened peers that
do not roll back cold starts either, or that are honest in every healthy world: that is what is
asked of `chimera` itself.
"""
KNOWING = """\
How many times as many bad responses as the clairvoyant, a likelihood ratio test at 1 s looks that
knows rates, onset and the law of the fault, and asks for odds of 100 to 1. Second: it too ignores
latency for the first 30 s, as everybody must who lets a cold start pass: in those seconds the two
look alike. Third: it may not rely on stable's level either, as an outage can raise both arms' at
any moment; it only asks to which arm each bad response went. Last: the bound below.
"""
LIMIT = """
**The bound.** Whoever condemns a healthy version with a chance of at most 1 % and a faulty one with
a chance P must on average see kl(P, 1 %) nats of evidence (Wald); one canary response carries the
Kullback-Leibler divergence of the fault from health. Hence at least `harm * kl(P, 1 %) / KL`
excess bad responses, and never less than one look's worth or the P that a canary must show to be
told at all. No test, whatever it knows, is below. What each precaution costs can be read off the
rows: without the gate, without the warm-up, with failures sworn to be independent.
"""
WHY_NOT = """
**Why the missed ones are missed.**

- *Distance to the all-knowing test.* The same test, if it must let cold starts and outages pass, is
  itself far from it (second table, row "robust"). The rest is the price of not knowing the fault's
  size and onset, and of reckoning with clumps and moods: the row "failures sworn independent" does
  not. A search over the priors of the onset, the split between errors and latency and the grid of
  ratios moved the figure by at most 3 %.
- *Distance to the peers.* Nobody who lets cold starts pass can reach 20: the clairvoyant itself,
  with the same warm-up, does not (last rows of the first table). At 10 requests/s the canary meets
  one request in two seconds, and nobody can act before the first bad ones; sharper settings of a
  peer, chosen with the fault in view, come near the clairvoyant, but are no rule one can use.
- *False rollbacks.* Until 15 failures were seen, how they clump is a guess where several are
  expected in one look. Moods, as in "noise per arm", are assumed until they are known; what that
  costs shows in the rows of the first rollout.
- *In time.* The plan's minutes are those of `balanced`; `careful` asks for more evidence and takes
  five minutes a step by itself.
- *Latency +10 %, worst world.* At 100 requests/s few are slower than 500 ms either way, and a rise
  that small takes minutes to be told from chance.
- *Worlds below 1.* Slow canaries: a peer that has no warm-up acts within 20 s, and rolls back every
  cold start too.
"""
FAULTS = """\
Bad responses per rollout, stable failing 0.1 %. Found: share rolled back within 7 minutes; a gate
that stays shut protects users as well. Clairvoyant: with the same warm-up.
"""
HEALTHY = """\
Rolled back, and the upper end of the 95 % interval. Within 7 minutes, at 10 requests a minute
within 30, the first step's beginning. Services with earlier rollouts share the pasts of 16.
*Failures by eights* is beyond what is promised: eight failures at once are all that a canary with
5 % of 100 requests/s does in a second, and then it looks like one that fails outright.
"""
IN_TIME = """\
Five minutes, without a second of holding, at 100 requests/s and more. Below, and with noise or
clumps, the gate asks for more requests than five minutes bring; `chimera plan` says so before.
"""
SKEW = f"""\
Healthy versions, an outage of 30 s in what both use, the canary's numbers some seconds ahead: how
many were blamed, by the product's code without and with `skew` set to {SKEW_S} s.
"""
DEFAULTS = """\
The grid compares with stable only. Every strategy has a limit on errors beside it, 1 % unless the
spec says otherwise, which gets half of the stake that is for errors. `balanced`, first rollouts,
the product's code, 100 requests/s: bad responses, and how many were rolled back.
"""
OTHER_PLANS = """\
100 requests/s, stable failing 0.1 %, one minute a step: bad responses per rollout; of healthy
versions the share rolled back.
"""
PRODUCT = """\
The grid is played with arrays. Here the product's own `begin`, `observe` and `dump` judge the same
traces at 100 requests/s (first rollout): mean bad responses, and in how many rollouts the two
acted at different seconds. A test holds them together look by look.
"""
AGAIN = """\
## Again

`make bench-judge` plays everything but the live part and writes this page and its drawings;
`make bench-judge ARGS=--quick` a coarse grid in two minutes, to another folder. `make bench-judge
ARGS="--live 30"` also repeats the live part. What a look costs, and how many rollouts one core
judges in batch: `make bench ARGS=judging`, see [benchmarks](benchmarks.md). A rule of your own:
[add a judge rule](../how-to/add-a-judge-rule.md).
"""


def goals(
    results: Sequence[Result],
    again: Sequence[Result],
    blames: Sequence[Blame],
    live: Sequence[Repetition],
) -> str:
    """Set each promise beside what was measured."""
    rule, slower = names(results, Role.OURS)[:2]
    balanced, first = (
        next(name for name in names(results, Role.OURS) if word in name)
        for word in ("balanced", "first rollout")
    )
    main = [cell for cell in cells(results, rule, DOCUMENTED) if cell.main]
    coarse = [cell for cell in cells(results, slower, DOCUMENTED) if cell.main]
    fewer, fewer5 = (mean(found, lambda c: c.against_peer) for found in (main, coarse))
    lowest = min(cell.against_peer for cell in main)
    knowing = mean(main, lambda c: c.against(ALL_KNOWING))
    same = mean(main, lambda c: c.against(SAME_DUTY))
    robust = mean(main, lambda c: c.against(ROBUST))
    bound = mean(main, lambda c: times(c.ours.excess, least(c)))
    worst, upper = worst_upper(results, again, *names(results, Role.OURS))
    mine = 100 * worst_upper(results, again, rule)[1]
    slowish = [c for c in cells(results, rule) if c.fault == "latency +10 %"]
    slow, barely = (
        f(times(c.here["no analysis"].excess, c.ours.excess) for c in slowish)
        for f in (statistics.geometric_mean, min)
    )
    broken = max(c.ours.excess for c in main if c.fault == "errors 100 %" and c.rate <= 100)
    plain = worlds(results)["plain", 100.0, 0.001]
    blamed = sum(one.aware for one in blames)
    healthy = [one for one in live if one.fault == "healthy"]
    undone = sum(one.ended != "succeeded" for one in healthy)
    rows = [
        _goal("times fewer bad responses than the best honest peer, 1 s", 20, fewer, more=True),
        _goal("the same at 5 s", 10, fewer5, more=True),
        _goal("the same at 1 s, worst world", 1, lowest, more=True),
        _goal("times the all-knowing clairvoyant", 1.5, knowing),
        _goal("times the clairvoyant with the same warm-up", 1.5, same),
        _goal("times the clairvoyant that is outage-proof too", None, robust),
        _goal("times the bound", None, bound),
        _goal("false rollbacks, worst healthy world, upper 95 % (percent): chimera 1 s", 1, mine),
        _goal(f"the same of all our rules: {worst}", 1, 100 * upper),
        _goal("rolled back in an outage with skewed arms, skew set", 0, blamed),
        _goal("bad responses of a broken canary, up to 100 requests/s", 6, broken),
        _goal("latency +10 %: times fewer than no analysis", 2, slow, more=True),
        _goal("the same, worst world", 2, barely, more=True),
        _goal(
            "promoted in time at 100 requests/s, percent, `careful`",
            99,
            100 * plain[rule].promoted_in_time,
            more=True,
        ),
        _goal("the same, `balanced`", 99, 100 * plain[balanced].promoted_in_time, more=True),
        _goal(
            "the same, `careful`, first rollout",
            99,
            100 * plain[first].promoted_in_time,
            more=True,
        ),
        _goal(f"live: healthy versions of {len(healthy)} not promoted", 0, undone),
    ]
    return table(["What", "Goal", "Measured", ""], rows)


def worst_upper(
    results: Sequence[Result], again: Sequence[Result], *rules: str
) -> tuple[str, float]:
    """Return (rule, highest upper bound of false rollbacks) of the worst of some rules.

    A world played again counts by that; one that is beyond the promise does not.
    """
    found = {
        (one.rule, one.world, one.rate, one.errors): one.upper
        for one in (*results, *again)
        if one.rule in rules and not one.faulty and one.world != BEYOND
    }
    worst = max(found, key=lambda key: found[key])
    return worst[0], found[worst]


def _goal(what: str, goal: float | None, value: float, *, more: bool = False) -> list[str]:
    if goal is None:
        return [what, "", number(value), ""]
    met = value >= goal if more else value <= goal
    least_or_most = "at least" if more else "at most"
    return [what, f"{least_or_most} {goal:g}", f"{value:.3g}", "met" if met else "**missed**"]
