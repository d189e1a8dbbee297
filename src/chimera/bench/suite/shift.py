"""What changing the weights costs, in time and in requests."""

from __future__ import annotations

import time
from datetime import timedelta

from chimera.bench.report import Bench, Figure, Report, quantile, spread
from chimera.bench.stage import RATE, folder
from chimera.core.model import Fence, Revision, Service, Split
from chimera.demo import logo
from chimera.demo.interrupt import to_its_end
from chimera.demo.load import Load
from chimera.demo.logospec import logo_command
from chimera.platforms.catalog import Catalog
from chimera.platforms.local.spawn import free_port
from chimera.ports.platform import Platform
from chimera.store import open_store

LEASE = timedelta(seconds=15)


async def run(bench: Bench) -> Report:
    """Change the weight of a real canary behind Envoy 200 times under load."""
    changes = bench.times(200, least=4)
    bench.say(f"{changes} weight changes")
    port = free_port()
    target = {"port": port, "command": logo_command(), "health": logo.HEALTH}
    service = Service("logo", "local", target)
    with folder() as home:
        async with open_store(f"sqlite:///{home / 'ledger.db'}") as store:
            platform = Catalog(store.inventory, str(home)).get("local")
            try:
                await platform.start()
                stable = platform.revision(service, version="1", image="")
                await platform.orchestrator.install(service, stable, Fence("first", 1))
                async with Load(port, rate=RATE) as load:
                    took_ms = await shift(platform, service, stable, changes)
            finally:
                await to_its_end(platform.orchestrator.uninstall(service))
                await platform.close()
    tally = load.tally
    return Report(
        (
            *spread("one weight change", took_ms, "ms", (None, None)),
            Figure("failed requests", len(tally.failures), "", 0),
            Figure("requests", tally.sent),
            Figure("latency of requests, p99", quantile(tally.latencies_ms, 0.99), "ms"),
        ),
        (
            f"{changes} changes at {RATE:.0f} requests/s; each ends when Envoy confirms it; both "
            "versions answered",
        ),
    )


async def shift(
    platform: Platform, service: Service, stable: Revision, changes: int
) -> list[float]:
    """Start a canary, move the weight to and fro, and return what each change took, ms."""
    canary = platform.revision(service, version="2", image="")
    fence = Fence("bench", 1)
    await platform.orchestrator.start(service, canary, None, fence)
    took_ms = []
    for number in range(changes):
        split = Split(stable.name, canary.name, (5, 25, 50, 95)[number % 4])
        began = time.perf_counter()
        await platform.router.set_weights(service, split, fence, LEASE)
        took_ms.append((time.perf_counter() - began) * 1000)
    await platform.router.restore(service, stable, canary, fence)
    return took_ms
