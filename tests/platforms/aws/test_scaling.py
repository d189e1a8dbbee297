"""Automatic scaling as the next version has it: names that change, and what cannot go along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chimera.core.model import Revision
from chimera.platforms.aws.estate import Version
from chimera.platforms.aws.scaling import (
    Carried,
    carriable,
    is_over,
    still_to_start,
    translated,
)

ELB = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup"
OLD = Version(Revision("v1"), "shop", "shop-family", f"{ELB}/blue/0a1b")
NEW = Version(Revision("v2"), "shop-v2-3f9a1c", "shop-v2-3f9a1c", f"{ELB}/shop-v2/2c3d")
NODE = Version(Revision("v1"), "shop", "shop-family", "shop")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def tracking(**config: Any) -> dict[str, Any]:
    return {
        "PolicyName": "requests",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100.0, **config},
    }


def dimension(name: str, value: str) -> dict[str, str]:
    return {"Name": name, "Value": value}


def test_requests_per_target_are_those_of_the_new_group() -> None:
    label = "app/shop-alb/77/targetgroup/{}"
    kind = {"PredefinedMetricType": "ALBRequestCountPerTarget"}
    policy = tracking(
        PredefinedMetricSpecification={**kind, "ResourceLabel": label.format("blue/0a1b")}
    )
    assert translated(policy, OLD, NEW) == tracking(
        PredefinedMetricSpecification={**kind, "ResourceLabel": label.format("shop-v2/2c3d")}
    )


def test_dimensions_that_name_the_old_version_name_the_new_one() -> None:
    before = [
        dimension("ClusterName", "shop"),
        dimension("ServiceName", "shop"),
        dimension("TaskDefinitionFamily", "shop-family"),
        dimension("TargetGroup", "targetgroup/blue/0a1b"),
        dimension("Queue", "shop"),
    ]
    after = [
        dimension("ClusterName", "shop"),
        dimension("ServiceName", NEW.name),
        dimension("TaskDefinitionFamily", NEW.family),
        dimension("TargetGroup", "targetgroup/shop-v2/2c3d"),
        dimension("Queue", "shop"),
    ]

    def both(dimensions: list[dict[str, str]]) -> dict[str, Any]:
        metric = {"MetricStat": {"Metric": {"Namespace": "shop", "Dimensions": dimensions}}}
        spec = {"Dimensions": dimensions, "Metrics": [{"Id": "m", **metric}]}
        return tracking(CustomizedMetricSpecification=spec)

    assert translated(both(before), OLD, NEW) == both(after)


def test_a_label_is_left_alone_where_no_target_group_is_known() -> None:
    label = {"ResourceLabel": "app/shop-alb/77/targetgroup/shop/0a1b"}
    policy = tracking(PredefinedMetricSpecification=label)
    assert translated(policy, NODE, NEW) == policy


def test_what_cannot_go_along_is_said() -> None:
    step = {"PolicyName": "steps", "PolicyType": "StepScaling"}
    past = {"ScheduledActionName": "sale", "Schedule": "at(2026-11-01T00:00:00)"}
    night = {"ScheduledActionName": "night", "Schedule": "cron(0 22 * * ? *)"}
    assert carriable([step, tracking()], [past, night], NOW) == Carried(
        ("requests",), ("night",), ("steps (StepScaling: its alarms name the old service)",)
    )


@pytest.mark.parametrize(
    ("action", "over"),
    [
        ({"Schedule": "rate(1 hour)"}, False),
        ({"Schedule": "rate(1 hour)", "EndTime": NOW - timedelta(1)}, True),
        ({"Schedule": "rate(1 hour)", "EndTime": NOW + timedelta(1)}, False),
        ({"Schedule": "at(2026-11-30T11:59:00)"}, True),
        ({"Schedule": "at(2026-11-30T12:01:00)"}, False),
        ({"Schedule": "at(2026-11-30T12:30:00)", "Timezone": "Europe/Berlin"}, True),
        ({"Schedule": "at(2026-11-30T12:30:00)", "Timezone": "Nowhere/At-all"}, False),
    ],
)
def test_a_schedule_that_has_passed_is_over(action: dict[str, Any], over: bool) -> None:
    assert is_over(action, NOW) is over


def test_a_start_that_has_passed_is_left_out() -> None:
    begun = {"Schedule": "rate(1 hour)", "StartTime": NOW - timedelta(1)}
    later = {"Schedule": "rate(1 hour)", "StartTime": NOW + timedelta(1)}
    assert still_to_start(begun, NOW) == {"Schedule": "rate(1 hour)"}
    assert still_to_start(later, NOW) == later
