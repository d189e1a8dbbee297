"""Which load balancers use a target group: moto learns it at a rule's creation, never after."""

from __future__ import annotations

import sys
from typing import Any


def backend_of(account: str, region: str) -> Any | None:
    """Return moto's load balancing of one region, None while nobody has asked for any.

    Importing it takes a second, which the data plane must not spend with the world locked.
    """
    backends = getattr(sys.modules.get("moto.elbv2.models"), "elbv2_backends", None)
    return None if backends is None else backends[account][region]


def refreshed_groups(account: str, region: str) -> dict[str, Any]:
    """Return moto's target groups by ARN, each knowing the load balancers that use it now."""
    backend = backend_of(account, region)
    if backend is None:
        return {}
    used: dict[str, list[str]] = {arn: [] for arn in backend.target_groups}
    for balancer_arn, balancer in list(backend.load_balancers.items()):
        for listener in list(balancer.listeners.values()):
            for rule in list(listener.rules.values()):
                for arn in _forwarded(rule.actions or []):
                    if balancer_arn not in used.setdefault(arn, []):
                        used[arn].append(balancer_arn)
    for arn, group in backend.target_groups.items():
        group.load_balancer_arns = used[arn]
    groups: dict[str, Any] = backend.target_groups
    return groups


def _forwarded(actions: list[Any]) -> list[str]:
    found = []
    for action in actions:
        forward = action.data.get("ForwardConfig") or {}
        found += [one["TargetGroupArn"] for one in forward.get("TargetGroups") or ()]
        if action.data.get("TargetGroupArn"):
            found.append(action.data["TargetGroupArn"])
    return found
