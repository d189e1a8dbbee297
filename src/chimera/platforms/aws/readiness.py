"""Waiting until a version's tasks run and can be reached, and saying why they do not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from chimera.core.errors import ProviderDenied, ProviderRefused
from chimera.core.model import Readiness
from chimera.platforms.aws import services
from chimera.platforms.aws.errors import PROVIDER, caused_by
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.front import Front
from chimera.platforms.aws.trouble import Trouble, of_deployment, of_events, of_tasks

_POLL_S = 0.3
_SLOWEST_POLL_S = 5.0
_LOOK_CLOSER_EVERY = 4


async def readiness(site: Site, front: Front, version: Version) -> Readiness:
    """Say how many of a version's tasks run and can be reached, and what the others say."""
    found = await services.describe(site, version.name)
    if found is None:
        return Readiness(0, 0, f"ECS service '{version.name}' does not exist")
    return await _readiness(site, front, version, found)


async def wait_ready(site: Site, front: Front, version: Version) -> None:
    """Return when all tasks can be reached; ProviderRefused says why they will not be."""
    deadline = time.monotonic() + site.target.start_timeout.total_seconds()
    pause_s, polls = _POLL_S, 0
    while True:
        found = await services.describe(site, version.name)
        now = await _of(site, front, version, found)
        if now.ok and found:
            now = await _healthy(site, version, found)
        if now.ok:
            return
        late = time.monotonic() >= deadline
        closer = late or polls % _LOOK_CLOSER_EVERY == _LOOK_CLOSER_EVERY - 1
        trouble = await explain(site, version, found) if found and closer else None
        if late or (trouble and trouble.final):
            raise _not_ready(site, version, now, trouble, late=late)
        await asyncio.sleep(pause_s)
        pause_s, polls = min(pause_s * 1.3, _SLOWEST_POLL_S), polls + 1


async def explain(site: Site, version: Version, service: Mapping[str, Any]) -> Trouble | None:
    """Say why a service's tasks do not run."""
    stopped = [
        task
        for task in await _tasks(site, version, "STOPPED")
        if str(task["taskDefinitionArn"]).rpartition("/")[2].partition(":")[0] == version.family
        # A service that was removed and made anew is not blamed for its former tasks.
        and task["createdAt"] >= service["createdAt"]
    ]
    told = of_tasks(stopped)
    failed = of_deployment(service)
    if failed:
        return Trouble(told.reason, told.hint, final=True) if told else failed
    return told or of_events(service.get("events") or ())


async def _healthy(site: Site, version: Version, found: Mapping[str, Any]) -> Readiness:
    """Say how many tasks pass the health checks of their containers, unknown to load balancers."""
    wanted = int(found["desiredCount"])
    try:
        definition = await services.definition(site, found["taskDefinition"])
    except ProviderDenied:
        raise
    except ProviderRefused as error:  # it was registered just now; not every read knows it yet
        return Readiness(0, wanted, f"its task definition cannot be read yet: {error}")
    if not any(one.get("healthCheck") for one in definition["containerDefinitions"]):
        return Readiness(wanted, wanted)
    tasks = await _tasks(site, version, "RUNNING")
    states = Counter(str(task.get("healthStatus", "UNKNOWN")) for task in tasks)
    healthy = min(states["HEALTHY"], wanted)
    if healthy == wanted:
        return Readiness(wanted, wanted)
    return Readiness(healthy, wanted, f"{healthy} of {wanted} tasks pass their health check")


async def _tasks(site: Site, version: Version, status: str) -> list[dict[str, Any]]:
    """Return a service's tasks that are meant to run, or that have stopped; 100 at most."""
    ecs, cluster = site.account.ecs, site.target.cluster
    try:
        arns = await site.account.pages(
            ecs.list_tasks,
            "taskArns",
            cluster=cluster,
            serviceName=version.name,
            desiredStatus=status,
        )
    except ProviderRefused as error:
        if not caused_by(error, "ServiceNotFoundException"):
            raise
        return []  # it was created just now; not every read knows it yet
    if not arns:
        return []
    answer = await site.account.call(ecs.describe_tasks, cluster=cluster, tasks=arns[:100])
    return list(answer["tasks"])


async def _of(
    site: Site, front: Front, version: Version, found: Mapping[str, Any] | None
) -> Readiness:
    if found is None:  # just created: ECS does not show it everywhere yet
        return Readiness(0, 1, "ECS does not show the service yet")
    return await _readiness(site, front, version, found)


async def _readiness(
    site: Site, front: Front, version: Version, found: Mapping[str, Any]
) -> Readiness:
    wanted, running = int(found["desiredCount"]), int(found["runningCount"])
    if not running:
        return Readiness(0, wanted, f"0 of {wanted} tasks run")
    reachable, why = await front.reachable(site, version, found)
    ready = min(running, reachable, wanted)
    if ready >= wanted:
        return Readiness(ready, wanted)
    detail = f"{running} of {wanted} tasks run, {reachable} can be reached"
    return Readiness(ready, wanted, f"{detail}: {why}" if why else detail)


def _not_ready(
    site: Site, version: Version, now: Readiness, trouble: Trouble | None, *, late: bool
) -> ProviderRefused:
    seconds = site.target.start_timeout.total_seconds()
    reason = f"{version.revision.name} does not start"
    if late:
        reason = f"{version.revision.name} was not ready within {seconds:.0f} s: {now.detail}"
    hint = f"look at the events of ECS service '{version.name}'"
    if trouble:
        reason, hint = f"{reason}: {trouble.reason}", trouble.hint or hint
    return ProviderRefused(PROVIDER, "start", reason, hint=hint)
