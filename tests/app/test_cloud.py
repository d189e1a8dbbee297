"""What is asked of AWS before there is a rollout, against a range: who, where, what, which."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.alb import alb_stack
from tests.support.aws import configured, mesh_stack, start_agent
from tests.support.history import NOW, rollout

from chimera.app.cloud import ALB, MESH, Cloud, Identity, in_region, policy_document
from chimera.app.cloudspec import cloud_spec
from chimera.app.operations import open_chimera
from chimera.app.settings import Settings
from chimera.cli.main import main
from chimera.core.errors import ProviderDenied, ProviderRefused, SpecError
from chimera.core.model import Service
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import Stack
from chimera.store import open_store

pytestmark = pytest.mark.xdist_group("aws-cloud")
ME = Identity()


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box, configured(box):
        yield box


@pytest.fixture(scope="module")
def web(box: Sandbox) -> Stack:
    """One service behind a load balancer, with a task that runs."""
    return alb_stack(box, tasks=1)


@pytest.fixture(scope="module")
def meshed(box: Sandbox) -> Stack:
    """One service in a mesh, and an agent that publishes its metrics."""
    stack = mesh_stack(box, tasks=1)
    start_agent(box, stack)
    return stack


@pytest.fixture
async def cloud() -> Any:
    async with Cloud() as cloud:
        yield cloud


async def test_who_am_i_and_where(box: Sandbox, cloud: Cloud) -> None:
    found = await cloud.connect(ME)
    assert found.arn == f"arn:aws:iam::{box.account}:user/practice"
    assert (found.account, found.region) == (box.account, "eu-west-1")
    assert (found.source, found.endpoint) == ("env", box.endpoint)
    assert found.behind_s is not None
    assert abs(found.behind_s) < 30
    assert {"eu-west-1", "us-east-1"} <= set(await cloud.regions(ME))


async def test_without_credentials_it_says_so(
    box: Sandbox, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ProviderDenied) as refused:
        await cloud.discover(ME, ALB)
    assert "no valid credentials" in refused.value.hint


async def test_permissions_are_simulated_where_the_policy_is_limited_to(
    box: Sandbox, cloud: Cloud
) -> None:
    limits = {"account": box.account, "region": "eu-west-1", "cluster": "prod"}
    least = policy_document([ALB], ["deploy"], **limits)
    box.permissions.allow_only(least)
    try:
        found = await cloud.permissions(ME, ALB, cluster="prod")
        assert (found.actions, found.unknown) == ((), "")
        assert found.asked > 30
        elsewhere = await cloud.permissions(ME, ALB, cluster="test")
        assert {"ecs:CreateService", "ecs:ListTasks"} <= set(elsewhere.actions)
        unnamed = await cloud.permissions(ME, ALB)
        assert unnamed.actions == ()
        assert unnamed.asked < found.asked
        box.permissions.allow_only({"Statement": []})
        unknown = await cloud.permissions(ME, ALB, cluster="prod")
        assert (unknown.actions, unknown.asked) == ((), 0)
        assert "SimulatePrincipalPolicy" in unknown.unknown
    finally:
        box.permissions.allow_only(None)


async def test_from_the_service_to_the_plan(
    box: Sandbox, web: Stack, cloud: Cloud, tmp_path: Path
) -> None:
    found = await cloud.discover(ME, ALB, cluster=web.cluster, brief=True)
    (chosen,) = [one for one in found if one.kind == "service" and one.name == web.service]
    assert chosen.settings["rule"] == web.rule
    assert chosen.facts["version"] == "v1"
    here = in_region(ME, chosen)
    await load(box.wait_for_url(web.front), seconds=4)
    settings = {**chosen.settings, "period": f"{box.options.period_s}s"}
    facts = await cloud.facts(here, ALB, settings, name=web.service)
    assert facts.ok, facts.checks
    assert facts.stable
    assert (facts.stable.name, facts.tasks, facts.running) == ("v1", 1, 1)
    assert facts.traffic
    assert facts.traffic.rate > 1
    assert facts.traffic.error_rate == 0
    tags = await cloud.versions(here, facts.image)
    assert {tag.tag for tag in tags} == {"v1", "v2", "v3"}
    assert [tag.tag for tag in tags if tag.runs] == ["v1"]
    assert all(tag.pinned.endswith(tag.digest) for tag in tags)
    assert [tag.pushed_at for tag in tags] == sorted((t.pushed_at for t in tags), reverse=True)
    text = cloud_spec(ALB, chosen, found)
    new = next(tag for tag in tags if tag.tag == "v2")
    async with open_chimera(Settings(tmp_path)) as chimera:
        report = await chimera.plan(chimera.parse_spec(text), image=new.image)
    assert (report.rollout.stable.name, report.rollout.canary.name) == ("v1", "v2")
    assert any(new.digest in change.why for change in report.changes)


async def test_the_facts_of_a_mesh_say_whether_metrics_come(
    box: Sandbox, meshed: Stack, cloud: Cloud
) -> None:
    found = await cloud.discover(ME, MESH, brief=True)
    (chosen,) = [one for one in found if one.kind == "service" and one.name == meshed.service]
    assert chosen.settings["route"] == meshed.route
    assert chosen.settings["namespace"] == "practice/metrics"
    settings = {**chosen.settings, "period": f"{box.options.period_s}s"}
    silent = await cloud.facts(ME, MESH, settings)
    checks = {check.name: check for check in silent.checks}
    assert not silent.ok
    assert "chimera setup" in checks[f"agent of {meshed.cluster}"].fix
    assert "no number" in checks["metrics of v1"].detail
    await load(box.wait_for_url(meshed.front), seconds=6)
    facts = await cloud.facts(ME, MESH, settings)
    assert facts.ok, facts.checks
    assert facts.traffic
    assert facts.traffic.rate > 1


async def test_what_is_wrong_with_a_service_is_a_check(
    box: Sandbox, web: Stack, cloud: Cloud
) -> None:
    wrong = {"cluster": web.cluster, "service": "nobody", "rule": web.rule}
    facts = await cloud.facts(ME, ALB, wrong)
    assert not facts.ok
    assert "does not exist" in facts.checks[0].detail
    assert "target.service" in facts.checks[0].fix
    with pytest.raises(SpecError):
        await cloud.facts(ME, "local", {})


async def test_images_elsewhere_cannot_be_listed(box: Sandbox, cloud: Cloud) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await cloud.versions(ME, "ghcr.io/shop/web:1")
    assert "--image" in refused.value.hint


async def test_several_regions_are_searched_and_one_that_fails_is_listed(
    box: Sandbox, web: Stack, cloud: Cloud
) -> None:
    found = await cloud.discover(ME, ALB, regions=("eu-west-1", "us-east-1"), brief=True)
    assert {one.region for one in found if one.name == web.service} == {"eu-west-1"}
    wrong = await cloud.discover(ME, ALB, regions=("eu-west-1", "nowhere 1"), brief=True)
    (bad,) = [one for one in wrong if one.kind == "region"]
    assert (bad.name, bad.usable) == ("nowhere 1", False)
    assert any(one.name == web.service for one in wrong)


async def load(url: str, seconds: float) -> None:
    """Send requests for so long."""
    until = time.monotonic() + seconds
    async with httpx.AsyncClient() as client:
        while time.monotonic() < until:
            await client.get(url)
            await asyncio.sleep(0.05)


def test_the_doctor_goes_where_and_as_whom_the_spec_says(
    box: Sandbox,
    web: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    role = make_role(box, "deployer", {"Action": "*", "Resource": "*"})
    spec = tmp_path / "chimera.yaml"
    target = f"{{platform: ecs-alb, cluster: {web.cluster}, service: {web.service}"
    who = f"region: eu-west-1, role: {role}, rule: {web.rule}}}"
    spec.write_text(f"version: 1\nservice: shop\nstrategy: fast\ntarget: {target}, {who}\n")
    assert main(["doctor", "--file", str(spec)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "assumed-role/deployer/chimera in eu-west-1, credentials from assume-role" in told
    assert f"calls go to {box.endpoint} instead of AWS" in told
    assert "clock: within" in told
    assert re.search(r"ok +AWS permissions for ecs-alb: all \d+ actions", told)
    assert "ok service shop: runs v1, 1 of 1 tasks run; it can have a canary" in told
    # By the platform's name: each service that was ever deployed there.
    settings = {"cluster": web.cluster, "service": web.service, "region": "eu-west-1", "role": role}
    asyncio.run(deployed(tmp_path / "home", Service("till", "ecs-alb", settings)))
    assert main(["doctor", "ecs-alb"]) == 1
    assert "ok service till: runs v1" in " ".join(capsys.readouterr().out.split())
    make_role(box, "deployer", {"Action": "ecs:*", "Resource": "*"})
    assert main(["doctor", "-f", str(spec), "-o", "json"]) == 1
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert not checks["AWS permissions for ecs-alb"]["ok"]
    assert "are missing: application-" in checks["AWS permissions for ecs-alb"]["detail"]
    assert "chimera policy" in checks["AWS permissions for ecs-alb"]["fix"]


async def deployed(home: Path, service: Service) -> None:
    """Write a rollout of a service into the ledger."""
    async with open_store(Settings(home).ledger_url) as store:
        await store.open_rollout(replace(rollout("till-1"), service=service), NOW)


def make_role(box: Sandbox, name: str, allowed: dict[str, str], external_id: str = "") -> str:
    """Make a role that this account may assume, or give it another policy; return its ARN."""
    iam = box.session().client("iam")
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}
    if external_id:
        trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **allowed}]}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    return f"arn:aws:iam::{box.account}:role/{name}"
