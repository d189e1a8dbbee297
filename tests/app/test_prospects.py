"""Whether AWS can be used at all, with which profiles and in which regions, before any choice."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.aws import configured

from chimera.app import prospects
from chimera.app.cloud import Cloud, Identity
from chimera.app.prospects import look_around
from chimera.sandbox import Options, Sandbox

pytestmark = pytest.mark.xdist_group("aws-cloud")
CONFIG = "[profile shop]\nregion = us-east-1\n[profile till]\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box:
        yield box


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a profile nor a credential nor a region."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION", "DEFAULT_REGION", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def test_without_anything_it_says_what_is_missing() -> None:
    found = await look_around()
    assert "no AWS credentials" in found.why_not
    assert (found.profiles, found.own, found.region) == ((), False, "")
    assert {"eu-west-1", "us-east-1"} <= set(found.regions)


async def test_a_profile_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    found = await look_around()
    assert (found.profiles, found.own, found.why_not) == (("shop", "till"), False, "")


async def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "nobody" in (await look_around()).why_not


async def test_an_empty_variable_is_none(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with configured(box):
        monkeypatch.setenv("AWS_PROFILE", "")
        assert (await look_around()).own
        async with Cloud() as cloud:
            assert (await cloud.connect(Identity())).account == box.account


async def test_with_credentials_the_regions_are_the_accounts_own(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prospects, "PATIENCE_S", 60.0)
    with configured(box):
        found = await look_around()
        async with Cloud() as cloud:
            assert found.regions == await cloud.regions(Identity())
    assert (found.own, found.why_not, found.region) == (True, "", "eu-west-1")


async def test_where_aws_does_not_answer_nothing_is_ruled_out_and_nobody_waits(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prospects, "PATIENCE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, configured(box):
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = await look_around()
        assert found.why_not == ""
        assert prospects._looking  # it goes on by itself
    await asyncio.gather(*prospects._looking)
