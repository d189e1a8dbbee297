"""Put tasks where others find them: Cloud Map and target groups."""

from __future__ import annotations

from typing import Any

from chimera.sandbox.patches.cloudmap_instances import register
from chimera.sandbox.patches.elbv2_use import backend_of
from chimera.sandbox.world import Region, World

Json = dict[str, Any]


def service_of(region: Region, task: Json) -> Json | None:
    """Return the service that a task belongs to, None for a lone one."""
    kind, _, name = task["group"].partition(":")
    inside = task["clusterArn"].rpartition("/")[2]
    return region.ecs.services.get((inside, name)) if kind == "service" else None


def enter_cloud_map(region: Region, task: Json, address: str, health: str) -> None:
    """Register a task under its service's registries, as ECS does."""
    service = service_of(region, task)
    for registry in service["serviceRegistries"] if service else ():
        identity = registry["registryArn"].rpartition("/")[2]
        if identity not in region.cloudmap.services:
            continue
        attributes = {
            "AVAILABILITY_ZONE": task["availabilityZone"],
            "AWS_INSTANCE_IPV4": address,
            "AWS_INIT_HEALTH_STATUS": health,
            "ECS_CLUSTER_NAME": task["clusterArn"].rpartition("/")[2],
            "ECS_SERVICE_NAME": service["serviceName"] if service else "",
            "ECS_TASK_DEFINITION_FAMILY": task["_definition"]["family"],
            "REGION": region.name,
        }
        if "containerPort" in registry:
            attributes["AWS_INSTANCE_PORT"] = str(registry["containerPort"])
        register(region.cloudmap, identity, task["_id"], attributes)


def set_cloud_map_health(region: Region, task: Json, health: str) -> None:
    """Tell Cloud Map how a task is."""
    for (_, name), instance in region.cloudmap.instances.items():
        if name == task["_id"]:
            instance["_health"] = health


def leave_cloud_map(region: Region, task: Json) -> None:
    """Take a task out of Cloud Map."""
    for place in [place for place in region.cloudmap.instances if place[1] == task["_id"]]:
        del region.cloudmap.instances[place]


def target_groups(world: World, region: Region) -> dict[str, Any]:
    """Return moto's target groups by ARN."""
    backend = backend_of(world.account, region.name)
    return {} if backend is None else dict(backend.target_groups)


def enter_target_groups(world: World, region: Region, task: Json, address: str) -> None:
    """Register a task as a target of its service's load balancers."""
    service = service_of(region, task)
    for balancer in service["loadBalancers"] if service else ():
        group = target_groups(world, region).get(balancer.get("targetGroupArn", ""))
        if group is not None:
            group.targets[address] = {"Id": address, "Port": balancer["containerPort"]}


def leave_target_groups(world: World, region: Region, address: str) -> float:
    """Take a task out of all target groups; return the longest delay that they ask for."""
    delay_s = 0.0
    for group in target_groups(world, region).values():
        if group.targets.pop(address, None):
            asked = group.attributes.get("deregistration_delay.timeout_seconds", "300")
            delay_s = max(delay_s, float(asked))
    for place in [place for place in region.target_health if place[1] == address]:
        region.target_health[place] = ("draining", "Target.DeregistrationInProgress")
    return delay_s


def forget_target(region: Region, address: str) -> None:
    """Forget what the load balancers thought of an address."""
    for place in [place for place in region.target_health if place[1] == address]:
        del region.target_health[place]
