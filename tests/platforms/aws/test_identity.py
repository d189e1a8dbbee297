"""As whom calls are made: profile, role, external id, instance, ECS task; renewed in time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.platforms.aws.test_policy import roll
from tests.support.alb import alb_settings, alb_stack
from tests.support.aws import configured
from tests.support.aws_identity import SECRET, TOKEN, Vault, serving

from chimera.app.cloud import ALB, Cloud, Identity
from chimera.core.errors import ProviderDenied
from chimera.core.model import Service
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.faults import Rule

pytestmark = pytest.mark.xdist_group("aws-identity")
SESSION = timedelta(seconds=2)


@pytest.fixture(scope="module")
def range_() -> Iterator[Sandbox]:
    """A range whose sessions end after two seconds."""
    with Sandbox(Options(speed=60, session=SESSION)) as box:
        yield box


@pytest.fixture
def box(range_: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The range, with the endpoint set and no credentials at all."""
    kept = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_REGION")
    for name in kept:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", range_.endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    range_.calls.clear()
    return range_


async def who(identity: Identity | None = None) -> tuple[str, str]:
    async with Cloud() as cloud:
        found = await cloud.connect(identity or Identity())
        return found.source, found.arn.rpartition(":")[2]


def keys(box: Sandbox) -> set[str]:
    return {entry.key for entry in box.calls.last()}


async def test_nobody(box: Sandbox) -> None:
    with pytest.raises(ProviderDenied) as refused:
        await who()
    assert "no valid credentials" in refused.value.hint
    with pytest.raises(ProviderDenied):
        await who(Identity(role=f"arn:aws:iam::{box.account}:role/any"))


async def test_an_instance(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Vault(timedelta(hours=1))) as url:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        assert await who() == ("iam-role", "user/practice")
    assert keys(box) == {"KEY1"}


async def test_an_ecs_task(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Vault(timedelta(hours=1))) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/task")
        assert await who() == ("container-role", "user/practice")
    assert keys(box) == {"KEY1"}


async def test_a_profile_with_its_own_endpoint_and_region(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    (tmp_path / "config").write_text(
        f"[profile shop]\nregion = us-east-1\nendpoint_url = {box.endpoint}\n"
    )
    (tmp_path / "credentials").write_text(
        "[shop]\naws_access_key_id = SHOPKEY\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    async with Cloud() as cloud:
        found = await cloud.connect(Identity(profile="shop"))
    assert (found.region, found.endpoint) == ("us-east-1", box.endpoint)
    assert found.source == "shared-credentials-file"
    assert keys(box) == {"SHOPKEY"}
    with pytest.raises(ProviderDenied) as refused:
        await who(Identity(profile="nobody"))
    assert "nobody" in str(refused.value)


async def test_a_role_wants_its_external_id(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    role = make_role(box, "partner", "our-number")
    with configured(box):
        for wrong in ("", "another"):
            with pytest.raises(ProviderDenied) as refused:
                await who(Identity(role=role, external_id=wrong))
            assert "sts:AssumeRole" in str(refused.value)
        found = await who(Identity(role=role, external_id="our-number"))
    assert found == ("assume-role", "assumed-role/partner/chimera")


async def test_a_role_with_a_path_is_asked_about_by_its_whole_name(box: Sandbox) -> None:
    role = make_role(box, "AWSReservedSSO_deploy_0", path="/aws-reserved/sso.amazonaws.com/eu/")
    with configured(box):
        async with Cloud() as cloud:
            found = await cloud.permissions(Identity(role=role), ALB, cluster="practice")
            assert (found.actions, found.unknown) == ((), "")
            assert found.asked > 30
            box.faults.set([Rule(fault="denied", service="iam", action="GetRole")])
            blind = await cloud.permissions(Identity(role=role), ALB, cluster="practice")
            box.faults.set([])
    assert (blind.actions, blind.asked) == ((), 0)
    assert "iam:GetRole is not allowed" in blind.unknown


def test_a_session_that_ended_is_refused(box: Sandbox) -> None:
    role = make_role(box, "brief")
    with configured(box):
        given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
        ecs = boto3.client(
            "ecs",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        ecs.list_clusters()
        box.world.sessions.begin(given["AccessKeyId"], 0)
        with pytest.raises(ecs.exceptions.ClientError, match="expired"):
            ecs.list_clusters()


async def test_a_rollout_outlives_its_credentials_and_logs_none(
    box: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    role = make_role(box, "deployer", "shop-1")
    stack = await asyncio.to_thread(alb_stack, box, tasks=1)
    who = {"role": role, "externalId": "shop-1"}
    service = Service(stack.service, "ecs-alb", alb_settings(box, stack, **who))
    caplog.set_level(logging.INFO)
    box.calls.clear()
    with configured(box):
        platform = EcsAlbPlatform(MemoryInventory(), str(tmp_path))
        await roll(platform, service)
    used = {entry.key for entry in box.calls.last() if entry.service != "sts"}
    # At least one renewal; each call was signed with a session that still held.
    assert len(used) >= 2
    assert all(key.startswith("ASIA") for key in used)
    assert {entry.outcome for entry in box.calls.last()} == {"ok"}
    lasted = [entry.at for entry in box.calls.last()]
    assert max(lasted) - min(lasted) > SESSION.total_seconds()
    said = f"{caplog.text}{[vars(record) for record in caplog.records]}"
    for secret in ("SecretAccessKey", "SessionToken", *used):
        assert secret not in said


async def test_what_a_person_sees_holds_no_credentials(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    vault = Vault(timedelta(hours=1))
    with serving(vault) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/task")
        async with Cloud() as cloud:
            found = await cloud.connect(Identity())
            box.permissions.allow_only({"Statement": []})
            with pytest.raises(ProviderDenied) as refused:
                await cloud.versions(
                    Identity(), f"{box.account}.dkr.ecr.eu-west-1.amazonaws.com/web"
                )
            box.permissions.allow_only(None)
    shown = f"{found!r}{refused.value!r}{refused.value.hint}{caplog.text}"
    assert not [secret for secret in (SECRET, TOKEN, *vault.given) if secret in shown]


def make_role(box: Sandbox, name: str, external_id: str = "", path: str = "/") -> str:
    """Make a role that this account may assume; return its ARN."""
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}
    if external_id:
        trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = box.session().client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Path=path)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    return str(made["Role"]["Arn"])
