"""How many rollouts can be simulated under faults."""

from __future__ import annotations

import time

from chimera.bench.report import Bench, Figure, Report
from chimera.bench.simulation import simulate


async def run(bench: Bench) -> Report:
    """Simulate rollouts."""
    rollouts = bench.times(20_000, least=100)
    bench.say(f"{rollouts:,} rollouts under faults")
    began = time.process_time()
    tally = simulate(rollouts, seed=1)
    per_minute = tally.rollouts / (time.process_time() - began) * 60
    return Report(
        (
            Figure("simulated rollouts per minute", per_minute, "", 100_000, at_least=True),
            Figure("events per simulated rollout", tally.events / tally.rollouts),
            Figure("broken promises", len(tally.broken), "", 0),
        ),
        (
            f"{tally.rollouts:,} rollouts, one process; each with crashes, zombies, late answers",
            "times are processor time, so that other work on the machine does not count",
        ),
    )
