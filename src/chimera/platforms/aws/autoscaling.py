"""Carrying a stable service's automatic scaling over to the version that is about to replace it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.errors import is_absent
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.scaling import (
    Carried,
    carriable,
    is_over,
    still_to_start,
    tracks,
    translated,
)
from chimera.platforms.aws.shapes import fitted

log = logging.getLogger(__name__)

_DIMENSION = {
    "ServiceNamespace": "ecs",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def resource_id(site: Site, name: str) -> str:
    """Return the name by which Application Auto Scaling knows an ECS service."""
    return f"service/{site.cluster}/{name}"


async def describe(site: Site, name: str) -> dict[str, Any] | None:
    """Return the scalable target of an ECS service, None if it has none."""
    scaling = site.account.autoscaling
    answer = await site.account.call(
        scaling.describe_scalable_targets,
        ServiceNamespace="ecs",
        ResourceIds=[resource_id(site, name)],
    )
    found: list[dict[str, Any]] = answer["ScalableTargets"]
    return found[0] if found else None


async def carried(site: Site, name: str) -> Carried | None:
    """Return what `carry_over` would carry, None if a service does not scale."""
    if await describe(site, name) is None:
        return None
    resource = resource_id(site, name)
    policies, actions = await _policies(site, resource), await _actions(site, resource)
    return carriable(policies, actions, datetime.now(UTC))


async def carry_over(
    site: Site, target: dict[str, Any], old: Version, new: Version, tags: dict[str, str]
) -> None:
    """Register the new version as the old one's target is, with its policies and schedule.

    What is there already stays. Step policies act through the operator's own alarms, which name the
    old service: not carried.
    """
    scaling, mine = site.account.autoscaling, resource_id(site, new.name)
    source = str(target["ResourceId"])
    if await describe(site, new.name) is None:
        request = fitted(scaling, "RegisterScalableTarget", target)
        request.update(_DIMENSION, ResourceId=mine, Tags=tags)
        if "/aws-service-role/" in str(request.get("RoleARN", "")):
            del request["RoleARN"]
        await site.account.call(scaling.register_scalable_target, **request)
    there = {one["PolicyName"] for one in await _policies(site, mine)}
    for policy in await _policies(site, source):
        if not tracks(policy):
            log.warning("aws.policy_not_carried", extra={"policy": policy.get("PolicyName")})
        elif policy["PolicyName"] not in there:
            request = fitted(scaling, "PutScalingPolicy", translated(policy, old, new))
            request.update(_DIMENSION, ResourceId=mine)
            await site.account.call(scaling.put_scaling_policy, **request)
    await _carry_schedule(site, source, mine)


async def _carry_schedule(site: Site, source: str, mine: str) -> None:
    scaling, now = site.account.autoscaling, datetime.now(UTC)
    there = {one["ScheduledActionName"] for one in await _actions(site, mine)}
    for action in await _actions(site, source):
        if action["ScheduledActionName"] in there or is_over(action, now):
            continue
        given = still_to_start(action, now)
        request = fitted(scaling, "PutScheduledAction", given)
        request.update(_DIMENSION, ResourceId=mine)
        await site.account.call(scaling.put_scheduled_action, **request)


async def _policies(site: Site, resource: str) -> list[dict[str, Any]]:
    scaling = site.account.autoscaling
    return await site.account.pages(
        scaling.describe_scaling_policies,
        "ScalingPolicies",
        ServiceNamespace="ecs",
        ResourceId=resource,
    )


async def _actions(site: Site, resource: str) -> list[dict[str, Any]]:
    scaling = site.account.autoscaling
    return await site.account.pages(
        scaling.describe_scheduled_actions,
        "ScheduledActions",
        ServiceNamespace="ecs",
        ResourceId=resource,
    )


async def remove(site: Site, name: str) -> None:
    """Deregister an ECS service, which also deletes its policies and schedule; gone is fine."""
    try:
        await site.account.call(
            site.account.autoscaling.deregister_scalable_target,
            **_DIMENSION,
            ResourceId=resource_id(site, name),
        )
    except ProviderRefused as error:
        if not is_absent(error):
            raise


async def remove_quietly(site: Site, name: str) -> None:
    """Deregister the target of a service that is about to go, if there is one."""
    if await describe(site, name) is not None:
        await remove(site, name)
