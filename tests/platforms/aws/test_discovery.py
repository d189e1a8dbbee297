"""What is found in an account, why some of it cannot be used, and the spec made from it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.aws import configured
from tests.support.tty import Terminal

from chimera.cli.main import main
from chimera.core.errors import SpecError
from chimera.core.spec import load
from chimera.platforms.aws.discovery import discover_all
from chimera.platforms.aws.found import UNREAD, Found
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.permissions import DEPLOY, DISCOVERY, PLATFORMS, actions
from chimera.platforms.aws.policy import document
from chimera.platforms.aws.session import Accounts
from chimera.platforms.catalog import option_models
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.calls import is_write
from chimera.sandbox.seed import build

WANTED = ("service", "logo")
# Asked for a choice of regions, and by the doctor.
ASIDE = {"ec2:DescribeRegions", "ec2:DescribeSecurityGroups"}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """A range with one service in a mesh and one behind a load balancer; neither runs."""
    with Sandbox(Options(speed=60)) as box, configured(box):
        build(box.session(), kind="appmesh", service="logo", tasks=0, wait_s=0)
        build(box.session(), kind="alb", service="web", tasks=0, wait_s=0)
        yield box


def look(box: Sandbox, platform: str) -> tuple[Found, ...]:
    accounts = Accounts()
    box.calls.clear()
    try:
        return asyncio.run(discover_all(accounts, Identity(), platform))
    finally:
        accounts.close()


@pytest.mark.parametrize(
    ("platform", "usable", "other", "why"),
    [
        ("ecs-alb", "web", "logo", "0 target groups"),
        ("ecs-appmesh", "logo", "web", "not registered in Cloud Map"),
    ],
)
def test_each_service_can_be_used_or_says_why_not(
    box: Sandbox, platform: str, usable: str, other: str, why: str
) -> None:
    box.permissions.allow_only(document([platform], [DISCOVERY]))
    found = look(box, platform)
    box.permissions.allow_only(None)
    assert not [entry for entry in box.calls.last() if is_write(entry.action)]
    assert {entry.outcome for entry in box.calls.last()} == {"ok"}
    services = {one.name: one for one in found if one.kind == "service"}
    assert services[usable].usable
    assert why in services[other].reason
    kinds = {one.kind for one in found}
    assert kinds == {"cluster", "service", "VPC", "subnet", "repository", "image"} | (
        {"load balancer", "listener", "rule", "target group"}
        if platform == "ecs-alb"
        else {
            *("mesh", "virtual router", "route", "virtual node"),
            *("Cloud Map service", "Cloud Map namespace"),
        }
    )
    images = [one for one in found if one.kind == "image"]
    assert [one.name.rpartition(":")[2] for one in images[:3]] == ["3", "2", "1"]
    assert all(one.facts["digest"].startswith("sha256:") for one in images)


@pytest.mark.parametrize(
    ("platform", "denied"),
    [(one, action) for one in PLATFORMS for action in sorted(set(actions([one], [DISCOVERY])))],
)
def test_what_may_not_be_read_is_said_and_the_rest_is_shown(
    box: Sandbox, platform: str, denied: str
) -> None:
    policy = document([platform], [DISCOVERY])
    for statement in policy["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != denied]
    box.permissions.allow_only(policy)
    try:
        found = look(box, platform)
    finally:
        box.permissions.allow_only(None)
    said = [one for one in found if denied in f"{one.reason} {one.hint}"]
    assert bool(said) is (denied not in ASIDE)
    shown = {one.kind for one in found if one.name != "?"}
    assert {"cluster", "VPC", "subnet", "repository"} - {one.kind for one in said} <= shown
    for one in found:
        assert one in said or "?" not in one.name
        assert one in said or not re.search(r"it has no (services|listeners|routes)", one.why)


def test_each_thing_that_cannot_be_used_says_why_and_what_to_do(box: Sandbox) -> None:
    session = box.session()
    elb, mesh, ecr = session.client("elbv2"), session.client("appmesh"), session.client("ecr")
    described = session.client("ec2").describe_subnets()["Subnets"]
    subnets = [one["SubnetId"] for one in described]
    network = elb.create_load_balancer(Name="tcp", Type="network", Subnets=subnets[:2])
    elb.create_target_group(Name="alone", Protocol="HTTP", Port=80, VpcId=described[0]["VpcId"])
    session.client("ecs").create_cluster(clusterName="empty")
    reasons = {(one.kind, one.name): one.reason for one in look(box, "ecs-alb")}
    assert "has no weights; an Application Load Balancer" in reasons["load balancer", "tcp"]
    assert reasons["target group", "alone"] == "no listener and no rule forwards to it"
    assert reasons["cluster", "empty"] == "it has no services"
    elb.delete_load_balancer(LoadBalancerArn=network["LoadBalancers"][0]["LoadBalancerArn"])
    name = mesh.list_meshes()["meshes"][0]["meshName"]
    mesh.create_virtual_node(meshName=name, virtualNodeName="lost", spec={})
    mesh.create_virtual_router(meshName=name, virtualRouterName="raw", spec={"listeners": []})
    action = {"weightedTargets": [{"virtualNode": "lost", "weight": 100}]}
    mesh.create_route(
        meshName=name,
        virtualRouterName="raw",
        routeName="tcp",
        spec={"tcpRoute": {"action": action}},
    )
    ecr.create_repository(repositoryName="never-pushed")
    reasons = {(one.kind, one.name): one.reason for one in look(box, "ecs-appmesh")}
    assert "nothing counts its failures" in reasons["route", "tcp"]
    assert reasons["virtual node", "lost"] == "no route that can be steered leads to it"
    assert any(kind == "Cloud Map namespace" and not why for (kind, _), why in reasons.items())


def test_an_envoy_that_the_agent_cannot_read_is_told_and_written_into_the_spec(
    box: Sandbox, tmp_path: Path
) -> None:
    ecs = box.session().client("ecs")
    found = ecs.describe_task_definition(taskDefinition="logo")["taskDefinition"]
    kept = {"family", "networkMode", "cpu", "memory", "taskRoleArn", "executionRoleArn"}
    kept |= {"requiresCompatibilities", "proxyConfiguration", "containerDefinitions"}
    bare = {key: value for key, value in found.items() if key in kept}
    bare["containerDefinitions"][1].pop("dockerLabels")
    revision = ecs.register_task_definition(**bare)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster="practice", service="logo", taskDefinition=revision)
    (logo,) = [one for one in look(box, "ecs-appmesh") if (one.kind, one.name) == WANTED]
    assert logo.usable
    assert "ECS_PROMETHEUS_EXPORTER_PORT=9901" in logo.facts[UNREAD]
    file = tmp_path / "spec.yaml"
    assert main(["init", str(file), "--platform", "ecs-appmesh", "--service", "logo"]) == 0
    assert "ECS_PROMETHEUS_METRICS_PATH=/stats/prometheus" in file.read_text()
    ecs.update_service(cluster="practice", service="logo", taskDefinition="logo:1")
    ecs.deregister_task_definition(taskDefinition=revision)


def test_lists_are_read_to_their_last_page(box: Sandbox) -> None:
    ecs, cluster = box.session().client("ecs"), "many"
    ecs.create_cluster(clusterName=cluster)
    family = ecs.describe_services(cluster="practice", services=["web"])["services"][0]
    names = {f"job-{number:02}" for number in range(23)}
    for name in sorted(names):
        ecs.create_service(
            cluster=cluster,
            serviceName=name,
            taskDefinition=family["taskDefinition"],
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration=family["networkConfiguration"],
        )
    found = {one.name for one in look(box, "ecs-alb") if one.inside == cluster}
    assert found == names
    assert box.calls.counts()["ecs:ListServices"] > 3


def test_another_platform_is_refused(box: Sandbox) -> None:
    with pytest.raises(SpecError):
        look(box, "local")


@pytest.mark.parametrize(("platform", "name"), [("ecs-alb", "web"), ("ecs-appmesh", "logo")])
def test_init_writes_a_spec_that_can_be_used(
    box: Sandbox, tmp_path: Path, platform: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    file = tmp_path / "spec.yaml"
    assert main(["init", str(file), "--platform", platform]) == 0
    text = file.read_text()
    assert "cannot be used" in text
    assert yaml.safe_load(text)["service"] == name
    spec = load(text, file=str(file), targets=option_models())
    assert spec.service == name
    assert main(["init", str(file), "--platform", platform]) == 2
    assert file.read_text() == text


def test_init_among_several_services_wants_a_choice(
    box: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    build(box.session(), kind="alb", service="web-2", tasks=0, wait_s=0)
    file = tmp_path / "spec.yaml"
    asked = ["init", str(file), "--platform", "ecs-alb"]
    assert main(asked) == 2
    told = capsys.readouterr().err
    assert "several services can be used: web in practice (eu-west-1), web-2 in practice" in told
    assert "--service NAME" in told
    with Terminal(*asked, cwd=tmp_path, env=box.env) as terminal:
        terminal.expect("web-2 in practice")
        terminal.expect("Which one")
        terminal.type("2\r")
        assert terminal.ended() == 0
    written = yaml.safe_load(file.read_text())
    assert written["service"] == "web-2"
    assert written["target"]["service"] == "web-2"


def test_init_without_a_service_that_fits_says_why(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spec.yaml"
    assert main(["init", str(file), "--platform", "ecs-alb", "--service", "logo"]) == 2
    assert "0 target groups" in capsys.readouterr().err
    assert not file.exists()


def test_the_commands_print_policy_and_findings(
    box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "--platform", "ecs-alb", "--purpose", DEPLOY]) == 0
    assert "elasticloadbalancing:ModifyRule" in capsys.readouterr().out
    assert main(["policy", "--platform", "nothing"]) == 2
    assert main(["discover", "ecs-alb"]) == 0
    assert re.search(r"service +web +practice +yes", capsys.readouterr().out)
    assert main(["setup", "practice", "--plan"]) == 0
    assert "security group" in capsys.readouterr().out
