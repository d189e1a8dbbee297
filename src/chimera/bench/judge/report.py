"""The benchmark's report: what was played, what came out, what was not reached and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chimera.bench.judge import tables, telling, told
from chimera.bench.judge.arena import Role
from chimera.bench.judge.contest import Result
from chimera.bench.judge.live import Repetition
from chimera.bench.judge.studies import Agreement, Blame, Defaults, OtherPlan, Twin

FOLDER = "judge-benchmark"


@dataclass(frozen=True, slots=True)
class Material:
    """All that the report tells.

    development: the coarse grid on the seed that was used while the judge was made. held_out: the
    whole grid on a seed that was not. again: healthy worlds with a false rollback, many more runs.
    """

    version: str
    date: str
    seeds: tuple[int, int]
    development: Sequence[Result]
    held_out: Sequence[Result]
    again: Sequence[Result]
    blames: Sequence[Blame]
    agreements: Sequence[Agreement]
    defaults: Sequence[Defaults]
    other_plans: Sequence[OtherPlan]
    twins: Sequence[Twin]
    live: Sequence[Repetition]


def markdown(given: Material) -> str:
    """Write the whole report."""
    results = given.held_out
    ours = tables.names(results, Role.OURS)
    rule, slower = ours[0], ours[1]
    peers = tables.names(results, Role.PEER, Role.SHARPENED)
    parts = [
        "# The judge against its peers\n",
        _preface(given),
        "## What was promised\n",
        told.goals(results, given.again, given.blames, given.live),
        told.WHY_NOT,
        "## Against the best honest peer\n",
        told.PEERS,
        tables.against_peers(results),
        *_development(given),
        "\n## Against what can be known\n",
        told.KNOWING,
        tables.against_knowing(results),
        told.LIMIT,
        f"\n![Excess bad responses by fault]({FOLDER}/harm.svg)\n",
        f"\n## Each fault\n\n{told.FAULTS}",
        tables.by_fault(results, rule, slower),
        "\n### A canary that always fails\n\nBad responses, mean (and 95th percentile).\n",
        tables.broken(results, ours),
        "\n### Latency 10 % higher\n",
        tables.barely_slower(results, rule),
        f"\n## Healthy versions rolled back\n\n{told.HEALTHY}",
        tables.false_rollbacks(results, ours),
        *_again(given, ours),
        "\n### The same of the peers\n\nThe worst share over all rates.\n",
        tables.worst_of_peers(results, [*ours, *peers]),
        f"\n![Healthy versions rolled back]({FOLDER}/false-rollbacks.svg)\n",
        f"\n## Promoted in the plan's own time\n\n{told.IN_TIME}",
        tables.in_time(results, ours),
        f"\n## Arms out of step\n\n{told.SKEW}",
        telling.blame_table(given.blames),
        f"\n## The product's own code\n\n{told.PRODUCT}",
        telling.agreement_table(given.agreements),
        f"\n## With the limit that every strategy has\n\n{told.DEFAULTS}",
        telling.defaults_table(given.defaults),
        f"\n## Other plans\n\n{told.OTHER_PLANS}",
        telling.other_plans_table(given.other_plans),
        f"\n## Live\n\n{telling.live_words(given.live)}",
        telling.live_table(given.live, given.twins),
        f"\n{told.AGAIN}",
    ]
    return "\n".join(parts)


def _preface(given: Material) -> str:
    coarse, held = given.seeds
    runs = sorted({one.runs for one in given.held_out})
    return (
        f"Version {given.version}, {given.date}; made by `make bench-judge`. The headline is the"
        f" whole grid on seed {held}, which was held out: the judge's constants were fixed before"
        f" it was played. Seed {coarse} was used while the judge was made. {runs[0]} rollouts per"
        f" faulty world, {runs[-1]} per healthy one, all rules on the same traces.\n\n{told.WORLDS}"
    )


def _development(given: Material) -> list[str]:
    if not given.development:
        return []
    head = "\nThe same on the seed used in development, on a coarser grid:\n"
    return [head, tables.against_peers(given.development)]


def _again(given: Material, ours: Sequence[str]) -> list[str]:
    if not given.again:
        return []
    return [
        "\nWorlds in which so many rollouts could not show it for one of them, played again with"
        " more, on a seed of their own:\n",
        tables.false_rollbacks(given.again, ours),
    ]
