"""The metrics that load balancers publish by themselves, per target group."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from chimera.platforms.envoy.stats import Latency, StatValue, parse
from chimera.sandbox.faults import Faults
from chimera.sandbox.patches.elbv2_use import refreshed_groups
from chimera.sandbox.plane.http import fetch
from chimera.sandbox.plane.topology import group_pool
from chimera.sandbox.world import Region, World

_NO_TIMES = Latency((), (), 0)
_NAMESPACE = "AWS/ApplicationELB"
_OWN = "HTTPCode_ELB_5XX_Count"
_STATS = "/stats?format=json&histogram_buckets=cumulative&filter=^cluster\\.tg-"
# To be asked for statistics lets Envoy gather its histograms, which the next answer has.
_GATHER = "/stats?filter=^server\\.live$"
# How a request ends without any answer from a target; each is an event of its own. What differs
# by requests under way, like sent minus answered, would mistake a busy moment for errors.
_NOBODY = "upstream_cx_none_healthy"
_UNANSWERED = (
    _NOBODY,
    "upstream_rq_pending_failure_eject",
    "upstream_cx_destroy_remote_with_active_rq",
    "upstream_rq_timeout",
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one target group has done since its Envoy started; all counts only grow.

    unanswered: what no target answered, and so the load balancer did. untargeted: those of them
    for which there was no target to try. refused: connections that could not be made.
    """

    completed: int = 0
    classes: tuple[int, int, int, int] = (0, 0, 0, 0)
    unanswered: int = 0
    untargeted: int = 0
    refused: int = 0
    latency: Latency = field(default=_NO_TIMES)


def read_counts(
    pool: str, values: Mapping[str, StatValue], histograms: Mapping[str, Latency]
) -> Counted:
    """Gather one pool's counts from Envoy's statistics."""

    def count(name: str) -> int:
        return int(values.get(f"cluster.{pool}.{name}", 0))

    lost = sum(count(name) for name in _UNANSWERED) - count("upstream_rq_retry")
    two, three, four, five = (count(f"upstream_rq_{digit}xx") for digit in (2, 3, 4, 5))
    latency = histograms.get(f"cluster.{pool}.upstream_rq_time", _NO_TIMES)
    return Counted(
        completed=count("upstream_rq_completed"),
        classes=(two, three, four, five),
        unanswered=max(0, lost),
        untargeted=count(_NOBODY),
        refused=count("upstream_cx_connect_fail"),
        latency=latency,
    )


class BalancerMetrics:
    """Reads the gateways' Envoy once a period and publishes what has happened since."""

    def __init__(self, world: World, faults: Faults, admin: str) -> None:
        self._world = world
        self._faults = faults
        self._late: list[tuple[float, Callable[[], None]]] = []
        self._admin = admin
        self._before: dict[str, Counted] = {}
        self._period = 0

    async def tick(self) -> None:
        """Publish the period that has just ended, if one has, and what is late."""
        every = self._world.options.period_s
        period = int(time.time() // every)
        if period == self._period:
            self._deliver()
            return
        ended, self._period = self._period, period
        await fetch(self._admin, 9901, _GATHER)
        status, body = await fetch(self._admin, 9901, _STATS)
        if status != 200:
            return
        values, histograms = parse(body.decode())
        with self._world.lock:
            for region in self._world.regions.values():
                for arn, group in self._groups(region):
                    pool = group_pool(region.name, arn)
                    now = read_counts(pool, values, histograms)
                    before = self._before.get(pool, Counted())
                    if now.completed < before.completed:
                        before = Counted()  # the pool was gone for a while
                    if ended:
                        self._publish(region, arn, group, before, now, ended * every)
                    self._before[pool] = now
        self._deliver()

    def _deliver(self) -> None:
        """Put what is due."""
        now = time.monotonic()
        due = [put for at, put in self._late if at <= now]
        self._late = [(at, put) for at, put in self._late if at > now]
        with self._world.lock:
            for put in due:
                put()

    def _put(self, region: Region, *number: Any) -> None:
        """Publish one number, unless a fault withholds it."""
        if self._faults.of_metrics("balancer-absent"):
            return
        late = self._faults.of_metrics("balancer-late")
        due = time.monotonic() + (late.seconds if late else 0.0)
        self._late.append((due, partial(region.metrics.put, _NAMESPACE, *number)))

    def _groups(self, region: Region) -> list[tuple[str, Any]]:
        return list(refreshed_groups(self._world.account, region.name).items())

    def _publish(
        self, region: Region, arn: str, group: Any, before: Counted, now: Counted, at: float
    ) -> None:
        counts = _changes(before, now)
        times = _times(before.latency, now.latency)
        put = partial(self._put, region)
        for balancer_arn in group.load_balancer_arns:
            balancer = ("LoadBalancer", balancer_arn.partition("loadbalancer/")[2])
            target = ("TargetGroup", arn.rpartition(":")[2])
            for dimensions in ((target, balancer), (balancer,)):
                for name, number in counts.items():
                    # AWS says of no target group what it answered itself.
                    if name == _OWN and dimensions != (balancer,):
                        continue
                    # Of all but requests AWS reports nothing while there is nothing.
                    if number or (name == "RequestCount" and group.targets):
                        put(name, dimensions, at, [(float(number), 1.0)])
                if times:
                    put("TargetResponseTime", dimensions, at, times)


def _changes(before: Counted, now: Counted) -> dict[str, int]:
    two, three, four, five = (
        new - old for new, old in zip(now.classes, before.classes, strict=True)
    )
    # What no target answered was answered, and is counted, by the load balancer.
    own = min(five, max(0, now.unanswered - before.unanswered))
    tried = now.completed - now.untargeted - (before.completed - before.untargeted)
    return {
        # A request counts once a target was chosen for it.
        "RequestCount": max(0, tried),
        "HTTPCode_Target_2XX_Count": two,
        "HTTPCode_Target_3XX_Count": three,
        "HTTPCode_Target_4XX_Count": four,
        "HTTPCode_Target_5XX_Count": five - own,
        "TargetConnectionErrorCount": max(0, now.refused - before.refused),
        _OWN: own,
    }


def _times(before: Latency, now: Latency) -> list[tuple[float, float]]:
    """Return seconds and counts: each request at the upper bound of its bucket."""
    old = before.counts or (0,) * len(now.counts)
    found, reached = [], 0
    for bound, then, count in zip(now.bounds_ms, old, now.counts, strict=True):
        number = count - then - reached
        reached += max(0, number)
        if number > 0:
            found.append((bound / 1000, float(number)))
    return found
