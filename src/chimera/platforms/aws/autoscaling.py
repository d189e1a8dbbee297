"""Carrying a stable service's automatic scaling over to the version that is about to replace it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.errors import is_absent
from chimera.platforms.aws.estate import Site
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


async def carried(site: Site, name: str) -> tuple[str, ...] | None:
    """Return the policies that `carry_over` would put, None if a service does not scale."""
    if await describe(site, name) is None:
        return None
    found = await _policies(site, resource_id(site, name))
    return tuple(str(one["PolicyName"]) for one in found if _tracks(one))


async def carry_over(site: Site, target: dict[str, Any], name: str, tags: dict[str, str]) -> None:
    """Register `name` as another scalable target is, with its target-tracking policies.

    What is there already stays. Step policies act through the operator's own alarms, which name the
    old service: not carried.
    """
    scaling, source = site.account.autoscaling, target["ResourceId"]
    if await describe(site, name) is None:
        request = fitted(scaling, "RegisterScalableTarget", target)
        request.update(_DIMENSION, ResourceId=resource_id(site, name), Tags=tags)
        if "/aws-service-role/" in str(request.get("RoleARN", "")):
            del request["RoleARN"]
        await site.account.call(scaling.register_scalable_target, **request)
    there = {one["PolicyName"] for one in await _policies(site, resource_id(site, name))}
    for policy in await _policies(site, source):
        if not _tracks(policy):
            log.warning("aws.policy_not_carried", extra={"policy": policy.get("PolicyName")})
        elif policy["PolicyName"] not in there:
            request = fitted(scaling, "PutScalingPolicy", policy)
            request.update(_DIMENSION, ResourceId=resource_id(site, name))
            await site.account.call(scaling.put_scaling_policy, **request)


def _tracks(policy: Mapping[str, Any]) -> bool:
    return policy.get("PolicyType") == "TargetTrackingScaling"


async def _policies(site: Site, resource: str) -> list[dict[str, Any]]:
    scaling = site.account.autoscaling
    return await site.account.pages(
        scaling.describe_scaling_policies,
        "ScalingPolicies",
        ServiceNamespace="ecs",
        ResourceId=resource,
    )


async def remove(site: Site, name: str) -> None:
    """Deregister an ECS service, which also deletes its policies; gone is fine."""
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
