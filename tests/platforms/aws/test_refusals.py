"""What cannot have a rollout on AWS is refused before anything is made, with what to do.

Each case is refused by `plan` and by `start`, on a service that could have one otherwise.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.platforms.aws.test_rollout import quiet
from tests.support.aws_story import Json, Story
from tests.support.aws_wrongs import (
    Change,
    any_group,
    both_groups,
    crowded,
    divided,
    draining,
    no_discovery,
    node,
    of_another,
    of_tcp,
    only_envoy,
    other_service,
    route,
    rule,
    second_balancer,
    shared,
    shifted_by_ecs,
    takes_all,
    undone,
    without_weights,
)

from chimera.core.errors import ProviderDenied, ProviderRefused
from chimera.core.model import Fence
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule

MESH, ALB = "ecs-appmesh", "ecs-alb"
ELB = "arn:aws:elasticloadbalancing:eu-west-1:{account}"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class Case:
    """What is wrong. change: makes it wrong in AWS, returns what the target says else.

    says, hint: words of the refusal. version: what is deployed.
    """

    says: str
    hint: str
    target: Json = field(default_factory=dict)
    change: Change | None = None
    version: str = "v2"


BOTH = {
    "an unknown cluster": Case("Cluster not found", "region", {"cluster": "nowhere"}),
    "another region": Case("", "region", {"region": "eu-central-1"}),
    "an unknown profile": Case("no-such-profile", "log in", {"profile": "no-such-profile"}),
    "an unknown container": Case("no container 'nope'", "target.container", {"container": "nope"}),
    "an unknown tag": Case("does not exist in ECR", "push it first", version="v9"),
    "an external controller": Case(
        "EXTERNAL",
        "controller ECS",
        change=other_service(deploymentController={"type": "EXTERNAL"}),
    ),
    "CodeDeploy": Case(
        "CODE_DEPLOY",
        "controller ECS",
        change=other_service(deploymentController={"type": "CODE_DEPLOY"}),
    ),
    "a daemon": Case("daemon", "REPLICA", change=other_service(schedulingStrategy="DAEMON")),
    "a service that is being deleted": Case("is being deleted", "target.service", change=draining),
    "no container with an application": Case(
        "not clear", "target.container", change=other_service(taskDefinition=only_envoy)
    ),
}
OF_MESH = {
    "an unknown service": Case("'nobody' does not exist", "region", {"service": "nobody"}),
    "an unknown mesh": Case("there is no route", "target.mesh", {"mesh": "nowhere"}),
    "an unknown router": Case("there is no route", "virtualRouter", {"virtualRouter": "nowhere"}),
    "an unknown route": Case("there is no route", "target.route", {"route": "nowhere"}),
    "no Cloud Map": Case(
        "not registered in Cloud Map", "registry", change=other_service(serviceRegistries=[])
    ),
    "a load balancer beside the mesh": Case(
        "beside the mesh", "ecs-alb", change=other_service(loadBalancers=any_group)
    ),
    "a shared mesh": Case("999999999999", "mesh of your own", change=route(shared)),
    "no weights": Case("no weighted targets", "one virtual node", change=route(without_weights)),
    "a TCP route": Case("nothing counts", "HTTP/2", change=route(of_tcp)),
    "a node with another route": Case("as well", "its own node", change=route(lambda _: None)),
    "a divided route": Case("divides its traffic", "one target", change=route(divided)),
    "a node that finds nothing": Case(
        "no service discovery", "Cloud Map", change=node(no_discovery)
    ),
    "a node that takes every task": Case(
        "takes every task", "ECS_TASK_DEFINITION_FAMILY", change=node(takes_all)
    ),
    "a node of another service": Case("somebody", "target.route", change=node(of_another)),
}
OF_ALB = {
    "an unknown service": Case("'nobody' does not exist", "region", {"service": "nobody"}),
    "an unknown rule": Case(
        "no listener or rule", "target.rule", {"rule": f"{ELB}:listener-rule/app/x/1/2/3"}
    ),
    "an unknown listener": Case(
        "no listener or rule", "target.listener", {"listener": f"{ELB}:listener/app/x/1/2"}
    ),
    "no target group": Case(
        "behind no target group", "ecs-appmesh", change=other_service(loadBalancers=[])
    ),
    "two target groups": Case(
        "in 2 target groups", "alone", change=other_service(loadBalancers=both_groups)
    ),
    "weights of ECS's own": Case(
        "ECS itself", "ROLLING", change=other_service(loadBalancers=shifted_by_ecs)
    ),
    "a redirect": Case(
        "redirect",
        "target.rule",
        change=rule("redirect", RedirectConfig={"Path": "/", "StatusCode": "HTTP_301"}),
    ),
    "a fixed response": Case(
        "fixed-response",
        "target.rule",
        change=rule("fixed-response", FixedResponseConfig={"StatusCode": "404"}),
    ),
    "a load balancer of another VPC": Case(
        "is not",
        "target.listener",
        change=lambda told: {"listener": second_balancer(told)[1]},
    ),
    "a group with another rule": Case(
        "as well",
        "target group of its own",
        change=lambda told: (
            rule("forward", TargetGroupArn=told.stack.target_group)(told)
            and {"rule": told.stack.rule}
        ),
    ),
    "a crowded rule": Case("5 target groups", "idle one", change=crowded),
}
CASES = [
    *((platform, name, case) for platform in (ALB, MESH) for name, case in BOTH.items()),
    *((MESH, name, case) for name, case in OF_MESH.items()),
    *((ALB, name, case) for name, case in OF_ALB.items()),
]


async def refusals(told: Story, settings: Json, version: str) -> list[ProviderRefused]:
    """Return how a plan and a start are refused; nothing may have been written."""
    service = replace(told.service, settings={**told.service.settings, **settings})
    orchestrator = told.platform.orchestrator
    canary = told.platform.revision(service, version=version, image="")
    found = []
    for attempt in (
        orchestrator.plan(service, canary),
        orchestrator.start(service, canary, None, Fence("r1", 1)),
    ):
        with pytest.raises(ProviderRefused) as refused:
            await attempt
        found.append(refused.value)
    assert not told.writes
    assert await told.inventory.find() == ()
    return found


@pytest.mark.parametrize(
    ("platform", "case"),
    [pytest.param(platform, case, id=f"{platform}-{name}") for platform, name, case in CASES],
)
async def test_it_is_refused_before_anything_is_made(
    box: Sandbox, platform: str, case: Case
) -> None:
    told = await quiet(box, platform)
    box.faults.set([Rule(fault="no-start", family=f"{told.stack.family}*")])
    with undone(told):
        changed = case.change(told) if case.change else {}
        settings = {
            key: value.replace("{account}", box.account) for key, value in case.target.items()
        }
        for refused in await refusals(told, {**changed, **settings}, case.version):
            assert case.says in str(refused)
            assert case.hint in refused.hint
            assert refused.exit_code in {2, 7}
    await told.platform.close()


@pytest.mark.parametrize("platform", [ALB, MESH])
@pytest.mark.parametrize(("missing", "words"), [("keys", "credentials"), ("expiry", "expired")])
async def test_who_has_no_credentials_is_told_so(
    box: Sandbox, platform: str, missing: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await quiet(box, platform)
    if missing == "keys":
        for name in KEYS:
            monkeypatch.delenv(name)
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, "/dev/null")
    else:
        box.faults.set([Rule(fault="expired")])
    for refused in await refusals(told, {}, "v2"):
        assert isinstance(refused, ProviderDenied)
        assert words in f"{refused} {refused.hint}"
        assert "aws sts get-caller-identity" in refused.hint
        assert refused.exit_code == 7
    await told.platform.close()


async def test_a_region_must_be_told(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await quiet(box, ALB)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for refused in await refusals(told, {}, "v2"):
        assert "target.region" in refused.hint
    await told.platform.close()


SPEC = """
version: 1
service: shop
target: {{platform: ecs-alb, cluster: {cluster}, service: {service}}}
"""


@pytest.mark.parametrize("command", ["plan", "deploy"])
@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        ("unknown cluster", 2, ("Cluster not found", "region")),
        ("expired", 7, ("expired", "aws sts get-caller-identity")),
    ],
)
async def test_a_command_says_it_with_its_exit_code(
    box: Sandbox, tmp_path: Path, command: str, trouble: str, code: int, words: tuple[str, ...]
) -> None:
    told = await quiet(box, ALB)
    cluster = "nowhere" if trouble == "unknown cluster" else told.stack.cluster
    file = tmp_path / "chimera.yaml"
    file.write_text(SPEC.format(cluster=cluster, service=told.stack.service), encoding="utf-8")
    if trouble == "expired":
        box.faults.set([Rule(fault="expired")])
    before = len(box.calls.last(writes=True))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chimera", command, str(file), "--version", "v2"),
        env={**os.environ, "CHIMERA_HOME": str(tmp_path / "home"), "CI": "true"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await child.communicate()
    text = " ".join(said.decode().split())
    assert child.returncode == code, text
    assert [word for word in (*words, "Next: ") if word not in text] == [], text
    assert len(box.calls.last(writes=True)) == before
    await told.platform.close()
