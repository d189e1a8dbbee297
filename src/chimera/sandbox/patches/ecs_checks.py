"""ECS: what a service's request must satisfy before anything is created."""

from __future__ import annotations

from typing import Any

from chimera.sandbox.patches.ecs_common import invalid
from chimera.sandbox.patches.elbv2_use import refreshed_groups
from chimera.sandbox.patches.registry import Call

Json = dict[str, Any]


def check_service(call: Call, params: Json, definition: Json) -> None:
    """Raise AwsError for what ECS refuses."""
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again."
        )
    if params.get("desiredCount", 0) < 0:
        raise invalid("desiredCount cannot be negative.")
    _check_network(call, params, definition)
    _check_registries(call, params)
    _check_load_balancers(call, params, definition)


def _check_network(call: Call, params: Json, definition: Json) -> None:
    network = params.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if definition.get("networkMode") != "awsvpc":
        return
    if not network:
        raise invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    ec2 = _ec2(call)
    subnets = {subnet for zone in ec2.subnets.values() for subnet in zone}
    for subnet in network.get("subnets", ()):
        if subnet not in subnets:
            raise invalid(
                f"Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' "
                "does not exist (ErrorCode: InvalidSubnetID.NotFound)"
            )
    for group in network.get("securityGroups", ()):
        if not ec2.get_security_group_from_id(group):
            raise invalid(
                f"Error retrieving security group information for [{group}]: The security group "
                f"'{group}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            )


def _ec2(call: Call) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[call.world.account][call.region]


def _check_registries(call: Call, params: Json) -> None:
    for registry in params.get("serviceRegistries", ()):
        identity = registry.get("registryArn", "").rpartition("/")[2]
        if identity not in call.cloudmap.services:
            raise invalid(f"The service registry {registry.get('registryArn')} does not exist.")


def _check_load_balancers(call: Call, params: Json, definition: Json) -> None:
    containers = {one["name"]: one for one in definition["containerDefinitions"]}
    groups = refreshed_groups(call.world.account, call.region)
    for balancer in params.get("loadBalancers", ()):
        name, port = balancer.get("containerName"), balancer.get("containerPort")
        if name not in containers:
            raise invalid(f"The container {name} does not exist in the task definition.")
        if port not in [one["containerPort"] for one in containers[name]["portMappings"]]:
            raise invalid(f"The container {name} did not have a container port {port} defined.")
        arn = balancer.get("targetGroupArn", "")
        if arn not in groups:
            raise invalid(f"Unable to describe target group {arn}: not found.")
        if not groups[arn].load_balancer_arns:
            raise invalid(
                f"The target group with targetGroupArn {arn} does not have an associated load "
                "balancer."
            )
