"""The graph that CloudWatch draws of a rollout: of versions that are gone too, never in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.alb import alb_service, alb_stack
from tests.support.aws import configured
from tests.support.stories import TOLD

from chimera.app.picturing import Pictures, is_drawn
from chimera.app.reports import RolloutView
from chimera.core.model import Resource, Revision
from chimera.platforms.aws.batch import Stream
from chimera.platforms.aws.streams import ArmStreams
from chimera.platforms.aws.widget import widget
from chimera.platforms.catalog import Catalog
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.faults import Rule

pytestmark = pytest.mark.xdist_group("aws-cleaning")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box, configured(box):
        yield box


def ended(box: Sandbox, name: str) -> RolloutView:
    """Return a rollout that was rolled back: its canary is only in the list of what was removed."""
    stack = alb_stack(box, tasks=0, wait_s=0)
    view = TOLD["rolled_back"]().view
    group = f"arn:aws:elasticloadbalancing:eu-west-1:{box.account}:targetgroup/{name}/1"
    detail = {"name": name, "family": name, "backend": group, "arn": ""}
    gone = Resource("ecs-service", name, stack.service, "v2", "r1", detail)
    rollout = replace(
        view.rollout,
        id=name,
        service=alb_service(box, stack),
        stable=Revision("v1"),
        canary=Revision("v2"),
    )
    return replace(view, rollout=rollout, state=replace(view.state, removed=(gone,)))


async def test_it_is_asked_for_once_in_a_while_and_missing_is_no_error(
    box: Sandbox, tmp_path: Path
) -> None:
    catalog = Catalog(MemoryInventory(), str(tmp_path))
    pictures, view = Pictures(catalog), ended(box, "web-v2")
    box.faults.set([Rule(fault="denied", action="GetMetricWidgetImage")])
    assert await pictures.of(view) is None
    box.faults.set([])
    assert await pictures.of(view) is None  # that there is none is believed for a while, too
    box.calls.clear()
    for _ in range(3):
        found = await pictures.of(replace(view, rollout=replace(view.rollout, id="another")))
        assert found is not None
        assert found.startswith(b"\x89PNG")
    assert box.calls.counts()["cloudwatch:GetMetricWidgetImage"] == 1
    await catalog.close()


async def test_other_platforms_draw_nothing(tmp_path: Path) -> None:
    view = TOLD["rolled_back"]().view
    assert not is_drawn(view)
    assert await Pictures(Catalog(MemoryInventory(), str(tmp_path))).of(view) is None


def test_requests_and_errors_are_drawn_and_latencies_are_not() -> None:
    def stream(metric: str, *dimensions: tuple[str, str]) -> Stream:
        return Stream("AWS/ApplicationELB", metric, dimensions)

    group = ("TargetGroup", "targetgroup/web/1")
    arm = ArmStreams(
        (stream("RequestCount", group),),
        (stream("HTTPCode_Target_5XX_Count", group),),
        buckets=((10.0, stream("TargetResponseTime", group)),),
    )
    now = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    window = (now - timedelta(hours=1), now)
    told = widget("web", [("canary 2", arm)], region="eu-west-1", period_s=60, window=window)
    assert json.loads(json.dumps(told)) == told
    assert (told["start"], told["end"]) == ("2026-03-02T13:00:00Z", "2026-03-02T14:00:00Z")
    assert [line[1] for line in told["metrics"]] == ["RequestCount", "HTTPCode_Target_5XX_Count"]
    assert told["metrics"][0][2:4] == list(group)
    assert told["metrics"][0][-1]["label"] == "canary 2 RequestCount"
