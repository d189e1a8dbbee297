"""Application Auto Scaling of ECS services: targets and policies are kept; nothing acts on them."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.registry import Call, answers, page

Json = dict[str, Any]
_SERVICE = "application-autoscaling"
_CONFIGURATIONS = {
    "StepScaling": "StepScalingPolicyConfiguration",
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
}


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _key(call: Call) -> tuple[str, str]:
    return str(call.params["ResourceId"]), str(call.params["ScalableDimension"])


def find_target(call: Call) -> Json:
    """Find the target that a call is about. Raises AwsError."""
    name, dimension = _key(call)
    found = call.state.scaling.targets.get((name, dimension))
    if found is None:
        message = (
            f"No scalable target registered for service namespace: ecs, resource ID: {name}, "
            f"scalable dimension: {dimension}"
        )
        raise AwsError("ObjectNotFoundException", message)
    return found


@answers(_SERVICE, "RegisterScalableTarget")
def register(call: Call) -> Json:
    """Register an ECS service, or change its bounds."""
    params, key = call.params, _key(call)
    kind, _, rest = key[0].partition("/")
    inside, _, name = rest.partition("/")
    service = call.ecs.services.get((inside, name))
    if kind != "service" or service is None or service["status"] != "ACTIVE":
        raise _invalid(f"ECS service doesn't exist: {key[0]}")
    found = call.state.scaling.targets.get(key, {})
    record = {
        "RoleARN": call.world.arn(
            "iam",
            "",
            "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService",
        ),
        "CreationTime": time.time(),
        "SuspendedState": {},
        "ScalableTargetARN": call.arn(f"scalable-target/{uuid4().hex[:16]}"),
        **found,
        **{k: v for k, v in params.items() if k != "Tags"},
        "_tags": {**found.get("_tags", {}), **params.get("Tags", {})},
    }
    if not found and not {"MinCapacity", "MaxCapacity"} <= record.keys():
        raise _invalid("MinCapacity and MaxCapacity cannot be null.")
    if record["MinCapacity"] > record["MaxCapacity"]:
        raise _invalid("Minimum capacity cannot be greater than maximum capacity.")
    call.state.scaling.targets[key] = record
    return {"ScalableTargetARN": record["ScalableTargetARN"]}


@answers(_SERVICE, "DescribeScalableTargets")
def describe(call: Call) -> Json:
    """Describe targets; a deleted service's target stays until it is deregistered."""
    wanted = call.params.get("ResourceIds")
    found = [one for (name, _), one in _sorted(call.state.scaling.targets) if _in(name, wanted)]
    return page(call, found, into="ScalableTargets", size=50)


@answers(_SERVICE, "ListTagsForResource")
def list_tags(call: Call) -> Json:
    """List a target's tags."""
    wanted = call.params["ResourceARN"]
    for one in call.state.scaling.targets.values():
        if one["ScalableTargetARN"] == wanted:
            return {"Tags": one["_tags"]}
    raise AwsError("ResourceNotFoundException", f"Resource not found: {wanted}")


@answers(_SERVICE, "DeregisterScalableTarget")
def deregister(call: Call) -> Json:
    """Forget a target with its policies and scheduled actions."""
    find_target(call)
    key, scaling = _key(call), call.state.scaling
    del scaling.targets[key]
    for kept in (scaling.policies, scaling.actions):
        for place in [place for place in kept if place[:2] == key]:
            del kept[place]
    return {}


@answers(_SERVICE, "PutScalingPolicy")
def put_policy(call: Call) -> Json:
    """Make or replace a policy of a registered target."""
    find_target(call)
    params = call.params
    kind = params.get("PolicyType", "StepScaling")
    if _CONFIGURATIONS.get(kind) not in params:
        raise _invalid(f"A policy of type {kind} needs its configuration.")
    place = (*_key(call), str(params["PolicyName"]))
    arn = call.arn(f"scalingPolicy:{uuid4()}:resource/ecs/{place[0]}:policyName/{place[2]}")
    found = call.state.scaling.policies.get(place)
    record = {
        "PolicyARN": found["PolicyARN"] if found else arn,
        "CreationTime": time.time(),
        "Alarms": [],
        **params,
        "PolicyType": kind,
    }
    call.state.scaling.policies[place] = record
    return {"PolicyARN": record["PolicyARN"], "Alarms": []}


@answers(_SERVICE, "DescribeScalingPolicies")
def describe_policies(call: Call) -> Json:
    """Describe the policies of one resource, or of all."""
    wanted = call.params.get("ResourceId")
    found = [
        one
        for (name, _, _), one in _sorted(call.state.scaling.policies)
        if _in(name, [wanted] if wanted else None)
    ]
    return page(call, found, into="ScalingPolicies", size=50)


@answers(_SERVICE, "DeleteScalingPolicy")
def delete_policy(call: Call) -> Json:
    """Delete one policy."""
    place = (*_key(call), str(call.params["PolicyName"]))
    if call.state.scaling.policies.pop(place, None) is None:
        raise AwsError("ObjectNotFoundException", f"No scaling policy found for {place[2]}")
    return {}


def _sorted(records: dict[Any, Json]) -> list[tuple[Any, Json]]:
    return sorted(records.items(), key=lambda pair: pair[0])


def _in(name: str, wanted: list[str] | None) -> bool:
    return wanted is None or not wanted or name in wanted
