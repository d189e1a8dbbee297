"""Elastic Load Balancing: the limits that moto does not hold, and health that was looked at."""

from __future__ import annotations

from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.elbv2_use import refreshed_groups
from chimera.sandbox.patches.registry import Call, PassOn, answers

Json = dict[str, Any]


def _groups(call: Call) -> dict[str, Any]:
    return refreshed_groups(call.world.account, call.region)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


@answers("elbv2", "CreateRule", "ModifyRule", "CreateListener", "ModifyListener")
def check_actions(call: Call) -> Json:
    """Hold forward actions to their limits: 5 groups, weights from 0 to 999, groups that exist."""
    params = call.params
    known = _groups(call)
    for action in params.get("Actions") or params.get("DefaultActions") or ():
        forward = action.get("ForwardConfig") or {}
        groups = forward.get("TargetGroups") or []
        if len(groups) > 5:
            raise AwsError(
                "TooManyTargetGroups", "You have specified more than 5 target groups on an action."
            )
        names = [group["TargetGroupArn"] for group in groups]
        if len(set(names)) != len(names):
            raise _invalid("A target group must not be named twice on an action.")
        for group in groups:
            if not 0 <= group.get("Weight", 1) <= 999:
                raise _invalid("Weight must be from 0 to 999.")
        for arn in [*names, *filter(None, [action.get("TargetGroupArn")])]:
            if arn not in known:
                raise AwsError("TargetGroupNotFound", f"One or more target groups not found: {arn}")
        sticky = forward.get("TargetGroupStickinessConfig") or {}
        seconds = sticky.get("DurationSeconds", 3600)
        if not 1 <= seconds <= 604_800:
            raise _invalid("DurationSeconds must be from 1 to 604800.")
    raise PassOn


@answers("elbv2", "DescribeTargetGroups")
def describe_target_groups(call: Call) -> Json:
    """Let moto tell, once it knows who uses which group."""
    _groups(call)
    raise PassOn


@answers("elbv2", "DescribeTargetHealth")
def describe_target_health(call: Call) -> Json:
    """Tell what the load balancers' own checks found."""
    arn = call.params["TargetGroupArn"]
    group = _groups(call).get(arn)
    if group is None:
        raise AwsError("TargetGroupNotFound", "One or more target groups not found")
    known = {(one["Id"], int(one["Port"])) for one in group.targets.values()}
    seen = call.world.region(call.region).target_health
    known |= {place[1:] for place in seen if place[0] == arn}
    asked = call.params.get("Targets")
    wanted = {(one["Id"], int(one.get("Port") or group.port)) for one in asked} if asked else known
    described = []
    for address, port in sorted(wanted):
        state, reason = seen.get((arn, address, port), ("initial", "Elb.RegistrationInProgress"))
        if (address, port) not in known:
            state, reason = "unused", "Target.NotRegistered"
        elif not group.load_balancer_arns:
            state, reason = "unused", "Target.NotInUse"
        health = {"State": state, **({"Reason": reason} if reason else {})}
        described.append(
            {
                "Target": {"Id": address, "Port": port},
                "HealthCheckPort": str(port),
                "TargetHealth": health,
            }
        )
    return {"TargetHealthDescriptions": described}
