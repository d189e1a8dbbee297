"""Application Auto Scaling in the range: targets of ECS services, and their policies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.aws_errors import refused

APP = {"name": "app", "image": "logo:1", "memory": 128}
TRACKING = {
    "TargetValue": 50.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
}


@pytest.fixture
def target(client: Any, name: str) -> dict[str, str]:
    """What names a service's scalable target."""
    ecs = client("ecs")
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(family=name, containerDefinitions=[APP])
    ecs.create_service(cluster=name, serviceName="app", taskDefinition=name, desiredCount=0)
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{name}/app",
        "ScalableDimension": "ecs:service:DesiredCount",
    }


def test_a_target_is_registered_changed_and_forgotten_with_its_policies(
    client: Any, target: dict[str, str]
) -> None:
    scaling = client("application-autoscaling")
    mine = {"ServiceNamespace": "ecs", "ResourceIds": [target["ResourceId"]]}
    policy = {"PolicyName": "cpu", "PolicyType": "TargetTrackingScaling"}
    put = {**policy, "TargetTrackingScalingPolicyConfiguration": TRACKING}
    with refused("ObjectNotFoundException"):
        scaling.put_scaling_policy(**target, **put)
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    scaling.register_scalable_target(**target, MaxCapacity=5)
    (found,) = scaling.describe_scalable_targets(**mine)["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 5)
    assert "/aws-service-role/" in found["RoleARN"]
    first = scaling.put_scaling_policy(**target, **put)["PolicyARN"]
    assert scaling.put_scaling_policy(**target, **put)["PolicyARN"] == first
    of_target = {"ServiceNamespace": "ecs", "ResourceId": target["ResourceId"]}
    (kept,) = scaling.describe_scaling_policies(**of_target)["ScalingPolicies"]
    assert kept["TargetTrackingScalingPolicyConfiguration"] == TRACKING
    scaling.deregister_scalable_target(**target)
    assert scaling.describe_scalable_targets(**mine)["ScalableTargets"] == []
    assert scaling.describe_scaling_policies(**of_target)["ScalingPolicies"] == []
    with refused("ObjectNotFoundException"):
        scaling.deregister_scalable_target(**target)


def test_a_schedule_is_kept_and_forgotten_with_its_target(
    client: Any, target: dict[str, str]
) -> None:
    scaling = client("application-autoscaling")
    night = {"ScheduledActionName": "night", "Schedule": "cron(0 22 * * ? *)"}
    of_target = {"ServiceNamespace": "ecs", "ResourceId": target["ResourceId"]}
    with refused("ObjectNotFoundException"):
        scaling.put_scheduled_action(**target, **night)
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    with refused("ValidationException", "expression"):
        scaling.put_scheduled_action(**target, **{**night, "Schedule": "at night"})
    with refused("ValidationException", "future"):
        scaling.put_scheduled_action(**target, **night, StartTime=datetime.now(UTC))
    scaling.put_scheduled_action(**target, **night)
    (kept,) = scaling.describe_scheduled_actions(**of_target)["ScheduledActions"]
    assert {**kept, **night} == kept
    scaling.deregister_scalable_target(**target)
    assert scaling.describe_scheduled_actions(**of_target)["ScheduledActions"] == []


def test_what_cannot_be_scaled_is_refused(client: Any, target: dict[str, str]) -> None:
    scaling = client("application-autoscaling")
    nobody = {**target, "ResourceId": target["ResourceId"].replace("/app", "/nobody")}
    with refused("ValidationException", "doesn't exist"):
        scaling.register_scalable_target(**nobody, MinCapacity=1, MaxCapacity=2)
    with refused("ValidationException", "greater"):
        scaling.register_scalable_target(**target, MinCapacity=3, MaxCapacity=2)
    with refused("ValidationException", "null"):
        scaling.register_scalable_target(**target, MinCapacity=3)
