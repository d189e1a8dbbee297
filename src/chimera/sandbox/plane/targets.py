"""The load balancers' health checks: real requests to real targets."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from chimera.sandbox.patches.ecs_tasks import ask_to_stop
from chimera.sandbox.plane.checks import SOON_S, STEADY_S
from chimera.sandbox.plane.discovery import target_groups
from chimera.sandbox.plane.http import fetch
from chimera.sandbox.world import Region, World

Place = tuple[str, str, int]


class HealthChecks:
    """Asks every target of every group as its group says, and keeps what it finds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next: dict[Place, float] = {}
        self._run: dict[Place, int] = {}  # answers of one kind in a row: good > 0, bad < 0

    async def tick(self) -> None:
        """Ask those whose time has come."""
        now = time.monotonic()
        due = []
        with self._world.lock:
            for region in self._world.regions.values():
                for group, place in self._targets(region):
                    if self._next.get(place, 0) <= now:
                        every_s = float(group.health_check_interval_seconds)
                        scaled = self._world.options.scaled(every_s)
                        least_s = STEADY_S if self._run.get(place, 0) > 1 else SOON_S
                        self._next[place] = now + min(1.0, max(least_s, scaled))
                        due.append(self._ask(region, group, place))
        await asyncio.gather(*due)

    def _targets(self, region: Region) -> list[tuple[Any, Place]]:
        groups = target_groups(self._world, region)
        return [
            (group, (arn, str(one["Id"]), int(one["Port"])))
            for arn, group in groups.items()
            for one in group.targets.values()
        ]

    async def _ask(self, region: Region, group: Any, place: Place) -> None:
        _, address, port = place
        asked = group.health_check_port
        asked_port = port if asked in {None, "traffic-port"} else int(asked)
        status, _ = await fetch(address, asked_port, group.health_check_path or "/")
        good = _matches(status, (group.matcher or {}).get("HttpCode", "200"))
        run = self._run.get(place, 0)
        run = max(run, 0) + 1 if good else min(run, 0) - 1
        self._run[place] = run
        with self._world.lock:
            if address not in group.targets:
                return
            state = region.target_health.get(place, ("initial", "Elb.RegistrationInProgress"))
            # A target's first good answer counts at once.
            first = state[0] == "initial" and run >= 1
            if first or run >= int(group.healthy_threshold_count):
                region.target_health[place] = ("healthy", "")
            elif -run >= int(group.unhealthy_threshold_count):
                reason = "Target.Timeout" if not status else "Target.ResponseCodeMismatch"
                region.target_health[place] = ("unhealthy", reason)
                self._replace(region, place)
            else:
                region.target_health.setdefault(place, state)

    def _replace(self, region: Region, place: Place) -> None:
        for task in region.ecs.tasks.values():
            if task.get("_address") == place[1] and task["lastStatus"] == "RUNNING":
                group = place[0].partition("targetgroup/")[2]
                service = task["group"].partition(":")[2]
                reason = (
                    f"(service {service}) (port {place[2]}) is unhealthy in (target-group "
                    f"{group}) due to (reason Health checks failed)"
                )
                if self._past_grace(region, task):
                    ask_to_stop(task, reason, "ServiceSchedulerUnhealthy")

    def _past_grace(self, region: Region, task: dict[str, Any]) -> bool:
        inside = task["clusterArn"].rpartition("/")[2]
        service = region.ecs.services.get((inside, task["group"].partition(":")[2]), {})
        grace_s = self._world.options.scaled(service.get("healthCheckGracePeriodSeconds", 0))
        # Apps need real time to start, however fast the range's clock runs.
        return bool(time.time() - task.get("startedAt", time.time()) > max(5.0, grace_s))


def _matches(status: int, wanted: str) -> bool:
    for part in str(wanted).split(","):
        low, _, high = part.partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False
