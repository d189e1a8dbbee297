"""`gc` on AWS: what a lost inventory forgot is found by tags, in every cluster that was used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.alb import alb_service, alb_stack
from tests.support.aws import configured
from tests.support.history import NOW, entry, rollout

from chimera.app.settings import Settings
from chimera.cli.main import main
from chimera.core.model import Fence, Revision, Service, Split
from chimera.core.state import Phase
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import Stack
from chimera.store import open_store

pytestmark = pytest.mark.xdist_group("aws-cleaning")
V1, V2, V3 = Revision("v1"), Revision("v2"), Revision("v3")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box, configured(box):
        yield box


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("CHIMERA_HOME", str(home))
    return home


def test_what_no_rollout_owns_goes_and_nothing_else(
    box: Sandbox, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, moved = alb_stack(box, tasks=1), alb_stack(box, tasks=1, cluster="second")
    theirs(box, here)
    left = asyncio.run(leave(box, home, here, moved))
    assert len(left) == 6
    before = standing(box)
    assert main(["gc", "--dry-run", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert {one["rollout"] for one in found} == {"shop-1", "shop-2"}
    assert len(found) == 6
    assert standing(box) == before
    assert main(["gc"]) == 0
    assert "6 resources removed, 0 left" in capsys.readouterr().out
    assert standing(box) == before - left
    assert main(["gc"]) == 0
    assert "Nothing is left over" in capsys.readouterr().out


def test_what_cannot_be_looked_at_is_said_and_fails(
    box: Sandbox, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"cluster": "nowhere", "service": "nobody", "region": "eu-west-1"}
    asyncio.run(record(home, Service("shop", "ecs-alb", gone), "shop-1", V2))
    assert main(["gc", "--dry-run"]) == 1
    told = capsys.readouterr()
    assert "shop could not be looked at" in told.err
    assert "Nothing is left over" not in told.out


def theirs(box: Sandbox, stack: Stack) -> None:
    """Register what another ledger's rollout of a service of the same name would."""
    name = f"{stack.service}-v2-theirs"
    tags = {"rollout": "shop-9", "service": "shop", "revision": "v2", "name": name}
    box.session().client("ecs").register_task_definition(
        family=name,
        containerDefinitions=[{"name": "app", "image": stack.image, "memory": 64}],
        tags=[{"key": f"chimera:{key}", "value": value} for key, value in tags.items()],
    )


async def leave(box: Sandbox, home: Path, here: Stack, moved: Stack) -> set[str]:
    """Start a canary of `shop` in each of its clusters that nobody will remember.

    Returns what they are made of. Then the second one's version is deployed again and promoted, so
    that what is left of it bears the name of the stable version.
    """
    before = standing(box)
    first = replace(alb_service(box, moved), name="shop")
    now = replace(alb_service(box, here), name="shop")
    for service, fence, revision in (
        (first, Fence("shop-1", 1), V2),
        (now, Fence("shop-2", 1), V3),
    ):
        platform = EcsAlbPlatform(MemoryInventory(), "")
        await platform.orchestrator.start(service, revision, None, fence)
        await platform.close()
    left = standing(box) - before
    await promote(now, Fence("shop-3", 1))
    await record(home, first, "shop-1", V2)
    await record(home, now, "shop-2", V3)
    await record(home, now, "shop-3", V3, Phase.SUCCEEDED)
    return left


async def promote(service: Service, fence: Fence) -> None:
    """Put V3 in the place of V1."""
    platform = EcsAlbPlatform(MemoryInventory(), "")
    await platform.orchestrator.start(service, V3, None, fence)
    await platform.router.set_weights(service, Split("v1", "v3", 100), fence, timedelta(seconds=5))
    await platform.router.commit(service, V1, V3, fence, timedelta(seconds=5))
    await platform.router.drain(service, V1, fence, timedelta(seconds=5))
    _, stays = await platform.orchestrator.remove(service, V1, fence)
    assert stays == ()
    await platform.close()


async def record(
    home: Path, service: Service, name: str, canary: Revision, phase: Phase = Phase.ABORTED
) -> None:
    """Write a rollout that ended into the ledger."""
    its = replace(rollout(name), service=service, stable=V1, canary=canary)
    async with open_store(Settings(home).ledger_url) as store:
        await store.open_rollout(its, NOW)
        await store.append(name, (entry(1, phase),))


def standing(box: Sandbox) -> set[str]:
    """List what stands in the range, by boto3 alone."""
    ecs, elb = box.session().client("ecs"), box.session().client("elbv2")
    found: set[str] = set()
    for cluster in ecs.list_clusters()["clusterArns"]:
        arns = ecs.list_services(cluster=cluster, maxResults=100)["serviceArns"]
        services = ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []
        # ECS lists what was deleted until its tasks have ended.
        active = [one for one in services if one["status"] == "ACTIVE"]
        found |= {f"{one['serviceName']} service" for one in active}
    families = ecs.list_task_definition_families(status="ACTIVE")["families"]
    groups: list[dict[str, Any]] = elb.describe_target_groups()["TargetGroups"]
    found |= {f"{name} definition" for name in families}
    return found | {f"{one['TargetGroupName']} group" for one in groups}
