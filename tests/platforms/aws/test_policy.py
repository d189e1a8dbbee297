"""The policy: what the source calls is in it, nothing else; a whole rollout runs under it."""

from __future__ import annotations

import asyncio
import inspect
import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import boto3
import pytest
from tests.support.alb import alb_service, alb_stack
from tests.support.aws import configured, mesh_service, mesh_stack

from chimera.core.errors import SpecError
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.aws.permissions import ALSO, DEPLOY, GRANTS, PLATFORMS, SETUP, actions
from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.platforms.aws.policy import Scope, document
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.permissions import allowed

LONG = timedelta(minutes=5)
CLIENTS = {
    "ecs": ("ecs", "ecs"),
    "ecr": ("ecr", "ecr"),
    "appmesh": ("appmesh", "appmesh"),
    "discovery": ("servicediscovery", "servicediscovery"),
    "servicediscovery": ("servicediscovery", "servicediscovery"),
    "scaling": ("application-autoscaling", "application-autoscaling"),
    "autoscaling": ("application-autoscaling", "application-autoscaling"),
    "cloudwatch": ("cloudwatch", "cloudwatch"),
    "elb": ("elbv2", "elasticloadbalancing"),
    "elbv2": ("elbv2", "elasticloadbalancing"),
    "iam": ("iam", "iam"),
    "ec2": ("ec2", "ec2"),
}
# Allowed to everyone.
ALWAYS = {"sts:GetCallerIdentity"}
ECS = (
    "arms autoscaling batch cloudwatch definitions ecs images making readiness removing "
    "services simulation tagged"
)
MODULES = {
    (
        "ecs-alb",
        DEPLOY,
    ): f"{ECS} alb albfront albmetrics balancer memories places suitable taggroups",
    (
        "ecs-appmesh",
        DEPLOY,
    ): f"{ECS} appmesh cloudmap mesh meshfront meshmetrics meshuses nodes tagnodes",
    ("ecs-appmesh", SETUP): "setup setupparts setupagent definitions services",
}


def called(modules: str) -> set[str]:
    """Find every call of AWS in the source of these modules, as the permissions it needs."""
    found = set()
    for name in modules.split():
        source = inspect.getsource(import_module(f"chimera.platforms.aws.{name}"))
        for client, method in re.findall(r"\b(?=(\w+)\.([a-z_]+)\b)", source):
            if client not in CLIENTS:
                continue
            service, prefix = CLIENTS[client]
            made = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]
            api = made.meta.method_to_api_mapping.get(method)
            if api:
                found |= {f"{prefix}:{api}", *ALSO.get(f"{prefix}:{api}", ())}
    return found


@pytest.mark.parametrize(("platform", "purpose"), MODULES)
def test_it_grants_what_the_source_calls_and_nothing_else(platform: str, purpose: str) -> None:
    assert set(actions([platform], [purpose])) == called(MODULES[platform, purpose])


def test_it_names_every_action_in_full() -> None:
    for statement in document()["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
    assert all(grant.actions for grant in GRANTS)


def test_it_is_limited_to_where_it_is_for() -> None:
    scope = Scope("123456789012", "eu-west-1", "prod", "shop")
    policy = document(["ecs-appmesh"], [DEPLOY], scope)
    mine = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web"
    other = "arn:aws:ecs:eu-west-1:123456789012:service/test/web"
    assert allowed(policy, "ecs:UpdateService", mine)
    assert not allowed(policy, "ecs:UpdateService", other)
    assert not allowed(policy, "elasticloadbalancing:ModifyRule")
    assert "{" not in str(policy).replace("{'", "").replace("{}", "")


@pytest.mark.parametrize(("platforms", "purposes"), [(["local"], [DEPLOY]), (["ecs-alb"], ["x"])])
def test_what_does_not_exist_is_refused(platforms: list[str], purposes: list[str]) -> None:
    with pytest.raises(SpecError) as refused:
        document(platforms, purposes)
    assert "known:" in refused.value.hint


async def test_whole_rollouts_run_under_it_and_call_nothing_else(tmp_path: Path) -> None:
    with Sandbox(Options(speed=60)) as box, configured(box):
        alb, mesh = await asyncio.gather(
            asyncio.to_thread(alb_stack, box, tasks=1), asyncio.to_thread(mesh_stack, box, tasks=1)
        )
        scope = Scope(box.account, box.options.region, alb.cluster, mesh.mesh)
        box.permissions.allow_only(document(PLATFORMS, [DEPLOY], scope))
        box.calls.clear()
        await asyncio.gather(
            roll(EcsAlbPlatform(MemoryInventory(), str(tmp_path)), alb_service(box, alb)),
            roll(EcsAppMeshPlatform(MemoryInventory(), str(tmp_path)), mesh_service(box, mesh)),
        )
        seen = {call.replace("elbv2:", "elasticloadbalancing:") for call in box.calls.counts()}
        assert seen - ALWAYS <= set(actions(PLATFORMS, [DEPLOY]))
        denied = [one for one in box.calls.last() if one.outcome.startswith("AccessDenied")]
        assert denied == []


async def roll(platform: EcsAlbPlatform | EcsAppMeshPlatform, service: Service) -> None:
    """Roll one version back, and promote the next."""
    v1, v2, v3 = (Revision(name) for name in ("v1", "v2", "v3"))
    router, orchestrator = platform.router, platform.orchestrator
    first, second = Fence("r1", 1), Fence("r2", 1)
    await orchestrator.plan(service, v2)
    await orchestrator.start(service, v2, None, first)
    await router.set_weights(service, Split("v1", "v2", 10), first, LONG)
    await platform.metrics.read(service, v1, v2)
    await router.restore(service, v1, v2, first)
    await router.drain(service, v2, first, LONG)
    await orchestrator.remove(service, v2, first)
    await orchestrator.start(service, v3, None, second)
    await orchestrator.scale_to_stable(service, v3, second)
    await router.set_weights(service, Split("v1", "v3", 100), second, LONG)
    await router.commit(service, v1, v3, second, LONG)
    await router.drain(service, v1, second, LONG)
    _, left = await orchestrator.remove(service, v1, second)
    assert left == ()
    assert {one.rollout for one in await platform.survey(service)} == {second.rollout}
    await platform.close()
