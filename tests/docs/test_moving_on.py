"""The page on leaving App Mesh, walked on a range: its commands, then a canary's plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.aws import configured
from tests.support.awscli import AwsCli
from tests.support.pages import ROOT, blocks
from tests.support.waiting import wait_until

from chimera.cli.main import main
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import build

PAGE = ROOT / "docs/how-to/moving-on-from-app-mesh.md"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box, configured(box):
        yield box


def test_the_page_leads_from_a_mesh_to_a_canary_behind_a_load_balancer(
    box: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    session = box.session()
    old = build(session, kind="appmesh", service="logo", tasks=1)
    there = build(session, kind="alb", service="logo-other", tasks=0, wait_s=0)
    write_definition(session, tmp_path / "checkout-alb.json", old.family)
    shell = AwsCli(
        session,
        tmp_path,
        {
            "VPC": old.vpc,
            "LISTENER": there.listener,
            "CLUSTER": old.cluster,
            "SUBNETS": ",".join(old.subnets),
            "GROUP": old.security_group,
        },
    )
    lines = [line for block in blocks(PAGE) if block.language == "sh" for line in commands(block)]
    assert len(lines) == 4
    for line in lines:
        shell.run(line)
    healthy(session, shell.variables["TARGET_GROUP"])
    wanted = ["--service", "checkout-alb", "--cluster", old.cluster]
    assert main(["init", "checkout.yaml", "--platform", "ecs-alb", *wanted]) == 0
    assert "logo in practice cannot be used" in Path("checkout.yaml").read_text()
    capsys.readouterr()
    assert main(["plan", "checkout.yaml", "--version", "2", "--rate", "50"]) == 0
    told = capsys.readouterr().out
    assert "checkout-alb  1 to 2  on ecs-alb" in told
    assert "target group checkout-alb-2-*" in told


def commands(block: Any) -> list[str]:
    return [line for line in block.text.splitlines() if "aws " in line]


def write_definition(session: Any, file: Path, family: str) -> None:
    """Do step 2 of the page: leave Envoy out."""
    answer = session.client("ecs").describe_task_definition(taskDefinition=family)
    found = answer["taskDefinition"]
    (app,) = [one for one in found["containerDefinitions"] if one["name"] == "app"]
    kept = ("networkMode", "cpu", "memory", "requiresCompatibilities", "executionRoleArn")
    app = {key: app[key] for key in ("name", "image", "essential", "portMappings") if key in app}
    file.write_text(json.dumps({**{k: found[k] for k in kept}, "containerDefinitions": [app]}))


def healthy(session: Any, group: str) -> None:
    """Wait until the load balancer finds both tasks healthy."""
    elb = session.client("elbv2")

    def states() -> list[str]:
        found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [one["TargetHealth"]["State"] for one in found]

    wait_until(lambda: states() == ["healthy", "healthy"], within_s=90)
