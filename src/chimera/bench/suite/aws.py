"""How many calls of AWS a rollout makes, and an hour of watching one, ten and fifty."""

from __future__ import annotations

import asyncio
import math
from collections import Counter

from chimera.bench.cloud import PLATFORMS, Watched, fleet, rolled_out, the_range
from chimera.bench.report import Bench, Figure, Report

FLEETS = (1, 10, 50)
# The batch asks four times a period, whoever reads; CloudWatch takes 500 metrics a call.
FETCHES_AN_HOUR = 240
METRICS_A_CALL = 500
SHOWN = 8


async def run(bench: Bench) -> Report:
    """Roll out once on each platform, then watch fleets of both at AWS's own pace for minutes."""
    seconds = bench.times(240, least=10)
    sizes = tuple(dict.fromkeys(min(size, bench.times(max(FLEETS), least=2)) for size in FLEETS))
    figures: list[Figure] = []
    notes: list[str] = []
    async with the_range(speed=60) as box:
        for platform in PLATFORMS:
            bench.say(f"a rollout on {platform}")
            calls = await rolled_out(box, platform)
            figures.append(Figure(f"{platform}: calls of a promoted rollout", calls.total()))
            notes.append(f"{platform}, a rollout: {_shown(calls)}")
    async with the_range(speed=1, sizes=sizes) as box:
        bench.say(f"watching {sum(sizes)} rollouts on each platform for {seconds} s")
        fleets = [await fleet(box, name, size) for name in PLATFORMS for size in sizes]
        await asyncio.gather(*(one.watch(seconds) for one in fleets))
        for one in fleets:
            figures += _figures(one, seconds)
            notes.append(_note(one, seconds))
            await one.close()
    return Report(tuple(figures), tuple(notes))


def _figures(one: Watched, seconds: float) -> tuple[Figure, ...]:
    hourly = _hourly(one.calls, seconds)
    words = f"{one.platform}: an hour of watching {one.size}"
    goal = FETCHES_AN_HOUR * math.ceil(one.metrics / METRICS_A_CALL)
    return (
        Figure(f"{words}, calls", sum(hourly.values())),
        Figure(f"{words}, GetMetricData", hourly["cloudwatch:GetMetricData"], "", goal),
    )


def _note(one: Watched, seconds: float) -> str:
    said = _shown(_hourly(one.calls, seconds))
    return f"{one.platform}, an hour of watching {one.size} ({one.metrics} metrics): {said}"


def _hourly(calls: Counter[str], seconds: float) -> Counter[str]:
    return Counter({name: round(number * 3600 / seconds) for name, number in calls.items()})


def _shown(calls: Counter[str]) -> str:
    most = calls.most_common(SHOWN)
    rest = calls.total() - sum(number for _, number in most)
    words = [f"{number:,} {name}" for name, number in most]
    return ", ".join([*words, f"{rest:,} others"] if rest else words)
