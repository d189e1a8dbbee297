"""ECS services: read, cloned for a version, scaled and deleted."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.aws.errors import PROVIDER, caused_by
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.naming import ecs_tags, kept_tags, read_tags, token
from chimera.platforms.aws.session import Account
from chimera.platforms.aws.shapes import fitted

# What a service's own answer lacks and its deployment knows.
_OF_THE_DEPLOYMENT = (
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
_GONE = ("ServiceNotFoundException", "ServiceNotActiveException")
# Refusals that end by themselves.
_SOON = ("draining", "associated load balancer")
_POLL_S = 0.3
_SLOWEST_POLL_S = 5.0
_AT_ONCE = 10


async def describe(site: Site, name: str) -> dict[str, Any] | None:
    """Return an ECS service with its tags, None if it does not exist or is being deleted."""
    answer = await site.account.call(
        site.account.ecs.describe_services,
        cluster=site.target.cluster,
        services=[name],
        include=["TAGS"],
    )
    found: list[dict[str, Any]] = answer["services"]
    return next((one for one in found if one["status"] == "ACTIVE"), None)


async def listed(account: Account, cluster: str) -> list[dict[str, Any]]:
    """Return all ECS services of a cluster with their tags, also those that are being deleted."""
    arns = await account.pages(account.ecs.list_services, "serviceArns", cluster=cluster)
    return await described(account, cluster, list(map(str, arns)))


async def described(account: Account, cluster: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return these ECS services of a cluster with their tags; there is no paginator for it."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), _AT_ONCE):
        answer = await account.call(
            account.ecs.describe_services,
            cluster=cluster,
            services=list(names[start : start + _AT_ONCE]),
            include=["TAGS"],
        )
        found += answer["services"]
    return found


async def definition(site: Site, arn: str) -> dict[str, Any]:
    """Return a task definition, with its tags under `tags`."""
    answer = await site.account.call(
        site.account.ecs.describe_task_definition, taskDefinition=arn, include=["TAGS"]
    )
    return {**answer["taskDefinition"], "tags": answer.get("tags", [])}


async def absent(site: Site, name: str) -> str:
    """Say why `describe` finds no service of that name."""
    answer = await site.account.call(
        site.account.ecs.describe_services, cluster=site.target.cluster, services=[name]
    )
    if any(one["status"] == "DRAINING" for one in answer["services"]):
        return f"ECS service '{name}' in cluster '{site.cluster}' is being deleted"
    return f"ECS service '{name}' does not exist in cluster '{site.cluster}'"


def refuse_unfit(service: Mapping[str, Any]) -> None:
    """Refuse what cannot be cloned without surprise; ProviderRefused says why and what to do."""
    controller = (service.get("deploymentController") or {}).get("type", "ECS")
    primary = _primary(service)
    connect = primary.get("serviceConnectConfiguration") or {}
    if controller != "ECS":
        reason = f"its deployment controller is {controller}, which deploys by itself"
        raise _unfit(service, reason, "use the controller ECS for services that Chimera deploys")
    if service.get("schedulingStrategy") == "DAEMON":
        reason = "it is a daemon: one task per instance, which cannot run beside another version"
        raise _unfit(service, reason, "use the scheduling strategy REPLICA")
    if connect.get("enabled") and connect.get("services"):
        reason = "Service Connect sends requests to it, and no weight can steer those"
        raise _unfit(service, reason, "serve it through App Mesh or a load balancer alone")
    if primary.get("vpcLatticeConfigurations"):
        reason = "VPC Lattice sends requests to it beside the route"
        raise _unfit(service, reason, "serve it through App Mesh or a load balancer alone")


def cloned(
    client: Any,
    service: Mapping[str, Any],
    *,
    name: str,
    definition: str,
    count: int,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the request for a service with another name, task definition and number of tasks."""
    primary = _primary(service)
    extra = {key: primary[key] for key in _OF_THE_DEPLOYMENT if primary.get(key)}
    request = fitted(client, "CreateService", copy.deepcopy({**service, **extra}))
    for key in ("schedulingStrategy", "role"):
        request.pop(key, None)
    role = str(service.get("roleArn") or "")
    if role and "/aws-service-role/" not in role:
        request["role"] = role
    if request.get("capacityProviderStrategy"):
        request.pop("launchType", None)
    if not request.get("loadBalancers"):
        request.pop("healthCheckGracePeriodSeconds", None)
    if not request.get("platformVersion"):
        request.pop("platformVersion", None)
    return {
        **request,
        "cluster": str(service["clusterArn"]),
        "serviceName": name,
        "taskDefinition": definition,
        "desiredCount": count,
        "clientToken": token("ecs-service", name, definition),
        "tags": ecs_tags({**kept_tags(read_tags(service.get("tags"))), **tags}),
    }


async def ensure(site: Site, request: dict[str, Any]) -> None:
    """Create an ECS service, or bring the one of that name to what is asked for."""
    found = await describe(site, request["serviceName"])
    if found is None:
        await _create(site, request)
        return
    await scale(site, request["serviceName"], request["desiredCount"], found)


async def _create(site: Site, request: dict[str, Any]) -> None:
    """Create an ECS service, once ECS has seen what was done just before.

    One of its name that was deleted has to end first, and a rule has to name its target group.
    """
    deadline, pause_s = time.monotonic() + site.target.stop_timeout.total_seconds(), _POLL_S
    while True:
        try:
            await site.account.call(site.account.ecs.create_service, **request)
        except ProviderUnavailable as error:
            soon = any(words in str(error).lower() for words in _SOON)
            if not soon or time.monotonic() > deadline:
                raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _SLOWEST_POLL_S)
            continue
        return


async def scale(site: Site, name: str, count: int, found: Mapping[str, Any] | None = None) -> None:
    """Give an ECS service its number of tasks, unless it has it."""
    found = found or await describe(site, name)
    if found is None or int(found["desiredCount"]) == count:
        return
    await site.account.call(
        site.account.ecs.update_service,
        cluster=site.target.cluster,
        service=name,
        desiredCount=count,
    )


async def delete(site: Site, name: str) -> None:
    """Scale an ECS service down, wait for its tasks to end, and delete it; gone is fine."""
    try:
        await scale(site, name, 0)
        await _until_stopped(site, name)
        if await describe(site, name) is not None:
            await site.account.call(
                site.account.ecs.delete_service,
                cluster=site.target.cluster,
                service=name,
                force=True,
            )
    except ProviderRefused as error:
        if not caused_by(error, *_GONE):
            raise


async def _until_stopped(site: Site, name: str) -> None:
    deadline = time.monotonic() + site.target.stop_timeout.total_seconds()
    pause_s = _POLL_S
    while time.monotonic() < deadline:
        found = await describe(site, name)
        if found is None or not (found["runningCount"] or found["pendingCount"]):
            return
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _SLOWEST_POLL_S)


def _primary(service: Mapping[str, Any]) -> Mapping[str, Any]:
    deployments = service.get("deployments") or ()
    return next((one for one in deployments if one.get("status") == "PRIMARY"), {})


def _unfit(service: Mapping[str, Any], reason: str, hint: str) -> ProviderRefused:
    name = service["serviceName"]
    return ProviderRefused(
        PROVIDER, "read the service", f"ECS service '{name}': {reason}", hint=hint
    )
