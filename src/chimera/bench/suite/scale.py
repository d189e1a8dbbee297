"""How many rollouts one worker carries: looks on time, aborts, processor and memory."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta

from chimera.bench.fleet import INTERVAL, Fleet, fleet
from chimera.bench.processes import cores, usage
from chimera.bench.report import Bench, Figure, Report, quantile
from chimera.core.errors import ChimeraError

SIZES = {500: timedelta(seconds=15), 2_000: timedelta(seconds=60)}  # and the lease of the new ones
LOOKS = 10  # of each rollout, while it is measured
ABORTS = 25
LATE, THERE = "a look is late, p99", "looks in the ledger"
SETTLING = timedelta(seconds=2)
MB = 1024 * 1024


async def run(bench: Bench) -> Report:
    """Grow a fleet of simulated rollouts, and measure it at 500 and at 2,000."""
    sizes = {bench.times(size, least=2): lease for size, lease in SIZES.items()}
    looks = bench.times(LOOKS)
    figures: list[Figure] = []
    notes: list[str] = []
    async with fleet(max(sizes)) as ships:
        for size, lease in sizes.items():
            bench.say(f"starting {size - len(ships.rollouts):,} rollouts")
            try:
                rate = await ships.grow(size, lease)
                running = len(ships.rollouts)
                if running < size:
                    notes.append(f"instead of {size:,} only {running:,} could be started in time")
                figures.append(Figure(f"{running:,} rollouts: started per second", rate))
                await ships.watched(within_s=300)
                seconds = looks * INTERVAL.total_seconds()
                bench.say(f"measuring {size:,} rollouts for {seconds:.0f} s")
                figures += await measure(ships, seconds, bench.times(ABORTS))
            except ChimeraError as error:  # what was measured before counts
                notes.append(f"{size:,} rollouts could not be measured: {error}")
                figures.append(Figure(f"{size:,} rollouts: {LATE}", math.nan, "ms", 1000))
                break
    return Report(
        tuple(figures),
        (
            f"simulated services of 100 requests/s, a look every {INTERVAL.seconds} s each; "
            "embedded engine, SQLite ledger, one worker",
            "a look's lateness counts from the schedule that its watch's first reading has fixed",
            "aborts are asked for while all others are watched, until their traffic is on stable",
            *notes,
            "100 % of processor is one core; rollouts beyond the first 500 have a lease of 1 min",
        ),
    )


async def measure(ships: Fleet, seconds: float, aborts: int) -> list[Figure]:
    """Watch the fleet for a while, aborting some of it meanwhile."""
    await asyncio.sleep(SETTLING.total_seconds())
    name = f"{len(ships.rollouts):,} rollouts"
    since = datetime.now(UTC)
    pids = {"server": ships.server_pid, "worker": ships.worker_pid}
    before = {who: usage(pid) for who, pid in pids.items()}
    aborting = asyncio.create_task(_abort(ships, seconds, aborts))
    await asyncio.sleep(seconds)
    until = datetime.now(UTC)
    after = {who: usage(pid) for who, pid in pids.items()}
    took = await aborting
    await asyncio.sleep(SETTLING.total_seconds())  # what was looked at is in the ledger by then
    late = await ships.lateness(since, until)
    begun = await ships.beginnings()
    expected = (len(ships.rollouts) - len(ships.aborted)) * seconds / INTERVAL.total_seconds()
    return [
        Figure(f"{name}: a look is late, p50", quantile(late, 0.5) * 1000, "ms"),
        Figure(f"{name}: {LATE}", quantile(late, 0.99) * 1000, "ms", 1000),
        Figure(f"{name}: {THERE}", len(late) / expected * 100, "%", 99, at_least=True),
        Figure(f"{name}: weight set to its watch's first reading, p99", quantile(begun, 0.99), "s"),
        Figure(f"{name}: abort to all on stable, p50", quantile(took, 0.5), "s"),
        Figure(f"{name}: abort to all on stable, p99", quantile(took, 0.99), "s"),
        *(
            Figure(f"{name}: processor, {who}", cores(before[who], after[who]) * 100, "%")
            for who in pids
        ),
        *(Figure(f"{name}: memory, {who}", after[who].rss / MB, "MB") for who in pids),
    ]


async def _abort(ships: Fleet, seconds: float, aborts: int) -> list[float]:
    """Abort rollouts spread over the first four fifths of the time, one after the other."""
    live = [rollout for rollout in ships.rollouts if rollout.id not in ships.aborted]
    chosen = live[:: max(len(live) // aborts, 1)][: min(aborts, len(live) - 1)]
    took = []
    for rollout in chosen:
        took.append(await ships.abort(rollout))
        await asyncio.sleep(max(0.8 * seconds / len(chosen) - took[-1], 0))
    return took
