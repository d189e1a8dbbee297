"""How long after an abort the canary still serves users."""

from __future__ import annotations

import asyncio

from chimera.bench.report import Bench, Figure, Report, spread
from chimera.bench.stage import RATE, Stage, stage
from chimera.core.access import Role
from chimera.core.state import Phase
from chimera.demo.logospec import logo_spec

RULES = """\
steps: [{setWeight: 50, bake: 1h}]
errorRate: 50%
"""
IN_FULL_SWING = 20  # responses of the canary before the abort


async def run(bench: Bench) -> Report:
    """Abort 50 rollouts at 50 % weight; the last response is what the clients saw, not Envoy."""
    aborts = bench.times(50)
    answered: list[float] = []
    silent: list[float] = []
    async with stage(spec_text) as here:
        for number in range(aborts):
            bench.say(f"abort {number + 1} of {aborts}")
            accepted_s, last_s = await abort(here, version=f"canary-{number}")
            answered.append(accepted_s)
            silent.append(last_s)
    tally = here.load.tally
    return Report(
        (
            *spread("abort to last canary response", silent, "s", (0.5, 1.5)),
            *spread("abort to its answer", answered, "s", (None, None)),
            Figure("failed requests", len(tally.failures), "", 0),
            Figure("requests", tally.sent),
        ),
        (
            f"{aborts} aborts of a real service behind Envoy at {RATE:.0f} requests/s, half of "
            "them to the canary, from the moment the abort is issued",
        ),
    )


def spec_text(port: int) -> str:
    """Return the spec for a front port."""
    return logo_spec(port, RULES, replicas=1)


async def abort(here: Stage, version: str) -> tuple[float, float]:
    """Deploy, abort; return the seconds to the abort's answer and to the last canary response."""
    tally, loop = here.load.tally, asyncio.get_running_loop()
    rollout = await here.deploy(version)
    await here.served(version, IN_FULL_SWING)
    issued = loop.time()
    await here.app.request(rollout.id, "abort", by="bench", role=Role.ADMIN)
    accepted = loop.time()
    await here.over(rollout, Phase.ABORTED)
    return accepted - issued, max(tally.last_seen[version] - issued, 0.0)
