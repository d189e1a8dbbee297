"""How long a version that fails one request in ten stays in front of users."""

from __future__ import annotations

import asyncio
import time

from chimera.bench.report import Bench, Figure, Report, quantile, spread
from chimera.bench.stage import RATE, Stage, stage
from chimera.core.state import Phase
from chimera.demo.place import spec_text

FAULTY = "3"


async def run(bench: Bench) -> Report:
    """Deploy the demo's version 3 by the demo's spec, again and again."""
    times = bench.times(12)
    decided: list[float] = []
    silent: list[float] = []
    failed: list[float] = []
    async with stage(spec_text) as here:
        for number in range(times):
            bench.say(f"rollout {number + 1} of {times}")
            decided_s, silent_s, failures = await detect(here)
            decided.append(decided_s)
            silent.append(silent_s)
            failed.append(failures)
    return Report(
        (
            Figure("first canary traffic to decision, p50", quantile(decided, 0.5), "s"),
            Figure("first canary traffic to decision, worst", max(decided), "s", 15),
            *spread("first to last canary response", silent, "s", (None, None))[::2],
            Figure("failed requests met by users, p50", quantile(failed, 0.5)),
            Figure("failed requests met by users, worst", max(failed)),
        ),
        (
            f"{times} rollouts of a version with 10 % errors at {RATE:.0f} requests/s, first "
            "step 5 %; each was rolled back",
        ),
    )


async def detect(here: Stage) -> tuple[float, float, int]:
    """Return the seconds to the decision and to the last canary response, and the failures."""
    tally, loop = here.load.tally, asyncio.get_running_loop()
    before, failed_before = tally.revisions[FAULTY], len(tally.failures)
    rollout = await here.deploy(FAULTY)
    await here.served(FAULTY, before + 1)
    first, first_at = loop.time(), time.time()
    await here.over(rollout, Phase.ROLLED_BACK)
    lines = await here.app.lines(rollout.id)
    decided = next(line.at for line in lines if line.phase is Phase.ROLLING_BACK)
    failures = len(tally.failures) - failed_before
    return decided.timestamp() - first_at, tally.last_seen[FAULTY] - first, failures
