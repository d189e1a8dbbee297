"""Stacks behind a load balancer in the shared practice range, one for each test."""

from __future__ import annotations

import secrets
from typing import Any

from tests.support.aws import keep_idle, kept_idle, push

from chimera.core.model import Service
from chimera.sandbox import Sandbox
from chimera.sandbox.seed import Stack, build

Json = dict[str, Any]


def alb_stack(box: Sandbox, *, tasks: int = 2, version: str = "v1", **more: Any) -> Stack:
    """Build a service behind a load balancer of its own; its repository has v1, v2 and v3."""
    name = f"logo-{secrets.token_hex(3)}"
    push(box, name, "v1", "v2", "v3")
    return build(box.session(), kind="alb", service=name, version=version, tasks=tasks, **more)


def idle_alb_stack(box: Sandbox) -> Stack:
    """Return the stack that was set up without any task; a test leaves it as it found it."""
    found = kept_idle("alb")
    if found is None:
        found = alb_stack(box, tasks=0, wait_s=0)
        keep_idle(found)
    return found


def alb_settings(box: Sandbox, stack: Stack, **more: Any) -> Json:
    """Return the target of a spec for a stack."""
    return {
        "cluster": stack.cluster,
        "service": stack.service,
        "period": f"{box.options.period_s}s",
        "propagation": "600ms",
        "startTimeout": "30s",
        "replicas": 2,
        **more,
    }


def alb_service(box: Sandbox, stack: Stack, **more: Any) -> Service:
    """Return a stack's service as Chimera knows it."""
    return Service(stack.service, "ecs-alb", alb_settings(box, stack, **more))


def rule_actions(box: Sandbox, stack: Stack) -> list[Json]:
    """Return what the stack's rule says."""
    elb = box.session().client("elbv2")
    return list(elb.describe_rules(RuleArns=[stack.rule])["Rules"][0]["Actions"])


def group_names(box: Sandbox, stack: Stack) -> set[str]:
    """Return the names of the target groups that were made for a stack, by whomever."""
    groups = box.session().client("elbv2").describe_target_groups()["TargetGroups"]
    names = {str(group["TargetGroupName"]) for group in groups}
    return {name for name in names if name.startswith(stack.service[:11])}
