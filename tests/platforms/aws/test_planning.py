"""The plan is what happens: each write of a promoted rollout, in order, with its permissions."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tests.support.alb import alb_service, alb_stack
from tests.support.aws import configured, mesh_service, mesh_stack

from chimera.cli.main import main
from chimera.core.errors import ProviderDenied
from chimera.core.model import Change, Fence, Revision, Service, Split
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.aws.costs import cost_of
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.images import pin
from chimera.platforms.aws.permissions import DEPLOY, actions
from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.platforms.aws.session import Accounts
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.faults import Rule
from chimera.sandbox.seed import Stack
from chimera.sandbox.wire import iam_prefix

pytestmark = pytest.mark.xdist_group("aws-planning")
LONG = timedelta(minutes=5)
V1, V3 = Revision("v1"), Revision("v3")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box, configured(box):
        yield box


@pytest.mark.parametrize("platform", ["ecs-alb", "ecs-appmesh"])
async def test_the_plan_lists_each_write_in_order(box: Sandbox, platform: str) -> None:
    service, running = await asyncio.to_thread(stack_for, box, platform)
    planned = await running.orchestrator.plan(service, V3)
    assert written_by(planned) == await writes_of(box, running, service)
    granted = set(actions([platform], [DEPLOY]))
    named = {one for change in planned for one in change.permission.split(", ")}
    assert named <= granted
    assert {"iam:PassRole", "ecs:TagResource"} <= named
    assert all(change.why for change in planned)
    (target,) = [c.why for c in planned if c.permission.endswith("scaling:TagResource")]
    assert "NOT carried over, make it anew: steps (StepScaling" in target
    (made,) = [change.cost for change in planned if change.cost]
    assert made.startswith("1 task more while both versions run: 0.25 vCPU and 0.5 GB, about 0.012")
    await running.close()


def stack_for(box: Sandbox, platform: str) -> tuple[Service, EcsAlbPlatform | EcsAppMeshPlatform]:
    """Build a service with automatic scaling, one task of v1."""
    if platform == "ecs-alb":
        stack = alb_stack(box, tasks=1)
        scale(box, stack)
        return alb_service(box, stack), EcsAlbPlatform(MemoryInventory(), "")
    stack = mesh_stack(box, tasks=1)
    scale(box, stack)
    return mesh_service(box, stack), EcsAppMeshPlatform(MemoryInventory(), "")


def scale(box: Sandbox, stack: Stack) -> None:
    scaling = box.session().client("application-autoscaling")
    which = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{stack.cluster}/{stack.service}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**which, MinCapacity=1, MaxCapacity=4)
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    policy = {"TargetValue": 50.0, "PredefinedMetricSpecification": metric}
    scaling.put_scaling_policy(
        **which,
        PolicyName="half",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=policy,
    )
    step = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}
    scaling.put_scaling_policy(
        **which,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [step],
        },
    )
    scaling.put_scheduled_action(
        **which, ScheduledActionName="night", Schedule="cron(0 22 * * ? *)"
    )


async def writes_of(box: Sandbox, running: Any, service: Service) -> list[str]:
    """Promote v3 in two steps; return the writes, those of the steps as one."""
    orchestrator, router, fence = running.orchestrator, running.router, Fence("r1", 1)
    box.calls.clear()
    await orchestrator.start(service, V3, None, fence)
    for weight in (10, 50):
        await router.set_weights(service, Split("v1", "v3", weight), fence, LONG)
    await orchestrator.scale_to_stable(service, V3, fence)
    await router.set_weights(service, Split("v1", "v3", 100), fence, LONG)
    await router.commit(service, V1, V3, fence, LONG)
    await router.drain(service, V1, fence, LONG)
    _, left = await orchestrator.remove(service, V1, fence)
    assert left == ()
    calls = [f"{iam_prefix(e.service)}:{e.action}" for e in box.calls.last(writes=True)]
    return [action for action, _ in groupby(calls)]


def written_by(planned: tuple[Change, ...]) -> list[str]:
    return [action for action, _ in groupby(c.permission.partition(",")[0] for c in planned)]


def test_a_plan_that_reality_has_left_is_refused(
    box: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    stack = alb_stack(box, tasks=1)
    spec, saved = tmp_path / "chimera.yaml", tmp_path / "plan.json"
    target = f"{{platform: ecs-alb, cluster: {stack.cluster}, service: {stack.service}}}"
    spec.write_text(f"version: 1\nservice: shop\nstrategy: fast\ntarget: {target}\n")
    asked = ["plan", str(spec), "--version", "v2", "--rate", "100", "--exit-code"]
    assert main([*asked, "--out", str(saved)]) == 10
    assert "elasticloadbalancing:ModifyRule" in capsys.readouterr().out
    assert main(["plan", str(spec), "--version", "v1", "--exit-code"]) == 0
    box.faults.set([Rule(fault="denied", service="iam")])
    assert main(asked) == 10
    box.faults.set([])
    said = " ".join(capsys.readouterr().out.split())
    assert "iam:SimulatePrincipalPolicy is not allowed" in said
    push_anew(box, stack.service, "v2")
    writes = len(box.calls.last(writes=True))
    assert main(["deploy", str(spec), "--version", "v2", "--plan", str(saved), "--yes"]) == 8
    assert "the saved plan no longer fits: the writes differ" in capsys.readouterr().err
    assert len(box.calls.last(writes=True)) == writes


async def test_an_image_of_an_account_that_lets_it_only_be_pulled_is_not_pinned(
    box: Sandbox,
) -> None:
    accounts = Accounts()
    account = await accounts.open(Identity(), "ecr")
    box.faults.set([Rule(fault="denied", service="ecr")])
    place = "dkr.ecr.eu-west-1.amazonaws.com/shop"
    theirs = await pin(account, f"999999999999.{place}:v2", own=box.account)
    assert theirs.image.endswith("shop:v2")
    assert "account 999999999999's, where ecr:DescribeImages is not allowed" in theirs.note
    with pytest.raises(ProviderDenied, match="ecr:DescribeImages"):
        await pin(account, f"{box.account}.{place}:v2", own=box.account)
    box.faults.set([])
    accounts.close()


def push_anew(box: Sandbox, repository: str, tag: str) -> None:
    """Move a tag to another image, as a push does."""
    digest = hashlib.sha256(b"another").hexdigest()
    part = {"mediaType": "application/json", "size": 1, "digest": f"sha256:{digest}"}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": part, "layers": []}
    ecr = box.session().client("ecr")
    ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=json.dumps(manifest))


@pytest.mark.parametrize(
    ("service", "definition", "said"),
    [
        (
            {"launchType": "FARGATE"},
            {"cpu": "1024", "memory": "2048"},
            "2 vCPU and 4 GB, about 0.099",
        ),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
            {"cpu": "256", "memory": "512", "runtimePlatform": {"cpuArchitecture": "ARM64"}},
            "0.5 vCPU and 1 GB, about 0.02 USD",
        ),
        ({"launchType": "EC2"}, {"cpu": "256", "memory": "512"}, "of the cluster's instances"),
        ({"launchType": "EC2"}, {}, "2 tasks more while both versions run"),
    ],
)
def test_more_tasks_cost_what_they_take(service: Any, definition: Any, said: str) -> None:
    assert said in cost_of(service, definition, 2)
