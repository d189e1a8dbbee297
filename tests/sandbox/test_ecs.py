"""ECS as AWS documents it: services, tasks, definitions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.aws_errors import refused
from tests.support.waiting import wait_until

APP = {
    "name": "app",
    "image": "logo:1",
    "memory": 128,
    "portMappings": [{"containerPort": 8080}],
}


@pytest.fixture
def ecs(client: Any, name: str) -> Any:
    """ECS with a cluster and a family, both of the test's name."""
    ecs = client("ecs")
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(family=name, containerDefinitions=[APP])
    return ecs


def create(ecs: Any, name: str, count: int = 0, **more: Any) -> Any:
    return ecs.create_service(
        cluster=name, serviceName="app", taskDefinition=name, desiredCount=count, **more
    )["service"]


def describe(ecs: Any, name: str) -> Any:
    (found,) = ecs.describe_services(cluster=name, services=["app"])["services"]
    return found


def running(ecs: Any, name: str, count: int) -> Any:
    def reached() -> Any:
        found = describe(ecs, name)
        done = found["runningCount"] == count and len(found["deployments"]) == 1
        return found if done and found["deployments"][0]["rolloutState"] == "COMPLETED" else None

    return wait_until(reached, within_s=90)


def test_a_service_starts_as_many_tasks_as_it_asks_for(ecs: Any, name: str) -> None:
    create(ecs, name, 2)
    service = running(ecs, name, 2)
    arns = ecs.list_tasks(cluster=name, serviceName="app")["taskArns"]
    tasks = ecs.describe_tasks(cluster=name, tasks=arns)["tasks"]
    assert len(tasks) == 2
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}
    assert {task["startedBy"] for task in tasks} == {service["deployments"][0]["id"]}
    assert "has reached a steady state" in service["events"][0]["message"]


def test_a_task_stays_running_however_often_it_is_described(ecs: Any, name: str) -> None:
    create(ecs, name, 1)
    running(ecs, name, 1)
    arns = ecs.list_tasks(cluster=name)["taskArns"]
    for _ in range(8):
        (task,) = ecs.describe_tasks(cluster=name, tasks=arns)["tasks"]
        assert task["lastStatus"] == "RUNNING"


def test_tasks_are_listed_by_service_family_and_desired_status(ecs: Any, name: str) -> None:
    create(ecs, name, 1)
    running(ecs, name, 1)
    assert ecs.list_tasks(cluster=name, family="other")["taskArns"] == []
    assert len(ecs.list_tasks(cluster=name, family=name)["taskArns"]) == 1
    assert ecs.list_tasks(cluster=name, desiredStatus="STOPPED")["taskArns"] == []
    with refused("ServiceNotFoundException"):
        ecs.list_tasks(cluster=name, serviceName="nobody")


def test_a_stopped_task_is_replaced_and_stays_described(ecs: Any, name: str) -> None:
    create(ecs, name, 1)
    running(ecs, name, 1)
    (arn,) = ecs.list_tasks(cluster=name)["taskArns"]
    ecs.stop_task(cluster=name, task=arn, reason="to see")

    def replaced() -> bool:
        arns = ecs.list_tasks(cluster=name)["taskArns"]
        (old,) = ecs.describe_tasks(cluster=name, tasks=[arn])["tasks"]
        return bool(arns) and arn not in arns and old["lastStatus"] == "STOPPED"

    wait_until(replaced, within_s=90)
    (old,) = ecs.describe_tasks(cluster=name, tasks=[arn])["tasks"]
    assert (old["stoppedReason"], old["stopCode"]) == ("to see", "UserInitiated")


def test_a_service_above_0_is_deleted_only_by_force(ecs: Any, name: str) -> None:
    create(ecs, name, 1)
    with refused("InvalidParameterException", "scaled above 0"):
        ecs.delete_service(cluster=name, service="app")
    ecs.delete_service(cluster=name, service="app", force=True)


def test_a_deleted_service_drains_then_is_inactive_and_no_longer_listed(
    ecs: Any, name: str
) -> None:
    create(ecs, name, 1)
    running(ecs, name, 1)
    deleted = ecs.delete_service(cluster=name, service="app", force=True)["service"]
    assert deleted["status"] == "DRAINING"
    assert ecs.list_services(cluster=name)["serviceArns"] == [deleted["serviceArn"]]
    with refused("InvalidParameterException", "still Draining"):
        create(ecs, name)
    wait_until(lambda: describe(ecs, name)["status"] == "INACTIVE", within_s=90)
    assert ecs.list_services(cluster=name)["serviceArns"] == []
    with refused("ServiceNotActiveException"):
        ecs.update_service(cluster=name, service="app", desiredCount=1)
    assert create(ecs, name)["status"] == "ACTIVE"


def test_the_same_request_with_the_same_token_creates_once(ecs: Any, name: str) -> None:
    first = create(ecs, name, clientToken="once")
    assert create(ecs, name, clientToken="once")["serviceArn"] == first["serviceArn"]
    with refused("InvalidParameterException", "not idempotent"):
        create(ecs, name, clientToken="twice")


def test_a_new_definition_replaces_the_tasks(ecs: Any, name: str) -> None:
    create(ecs, name, 1)
    running(ecs, name, 1)
    (old,) = ecs.list_tasks(cluster=name)["taskArns"]
    second = ecs.register_task_definition(family=name, containerDefinitions=[APP])
    arn = second["taskDefinition"]["taskDefinitionArn"]
    updated = ecs.update_service(cluster=name, service="app", taskDefinition=name)["service"]
    assert [one["status"] for one in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    service = running(ecs, name, 1)
    assert service["taskDefinition"] == arn
    assert old not in ecs.list_tasks(cluster=name)["taskArns"]


def test_a_deregistered_definition_serves_on_but_starts_no_new_service(ecs: Any, name: str) -> None:
    ecs.deregister_task_definition(taskDefinition=f"{name}:1")
    found = ecs.describe_task_definition(taskDefinition=f"{name}:1")["taskDefinition"]
    assert found["status"] == "INACTIVE"
    with refused("ClientException"):
        create(ecs, name)
    assert ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"] == []


def test_only_inactive_definitions_are_deleted(ecs: Any, name: str) -> None:
    failed = ecs.delete_task_definitions(taskDefinitions=[f"{name}:1"])["failures"]
    assert "ACTIVE" in failed[0]["reason"]
    ecs.deregister_task_definition(taskDefinition=f"{name}:1")
    deleted = ecs.delete_task_definitions(taskDefinitions=[f"{name}:1"])["taskDefinitions"]
    assert deleted[0]["status"] == "DELETE_IN_PROGRESS"
    with refused("ClientException"):
        ecs.describe_task_definition(taskDefinition=f"{name}:1")


def test_a_cluster_with_services_cannot_be_deleted(ecs: Any, name: str) -> None:
    create(ecs, name)
    with refused("ClusterContainsServicesException"):
        ecs.delete_cluster(cluster=name)


def test_unknown_clusters_and_services_are_told_apart(ecs: Any, name: str) -> None:
    with refused("ClusterNotFoundException"):
        ecs.describe_services(cluster="nobody", services=["app"])
    failures = ecs.describe_services(cluster=name, services=["nobody"])["failures"]
    assert failures[0]["reason"] == "MISSING"
    with refused("ServiceNotFoundException"):
        ecs.update_service(cluster=name, service="nobody", desiredCount=1)


def test_at_most_ten_services_are_described_at_once(ecs: Any, name: str) -> None:
    with refused("InvalidParameterException", "10"):
        ecs.describe_services(cluster=name, services=[f"s{i}" for i in range(11)])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"loadBalancers": [{"containerName": "no", "containerPort": 1}]}, "container no"),
        ({"serviceRegistries": [{"registryArn": "arn:aws:x:y:z:service/srv-1"}]}, "registry"),
        (
            {"launchType": "FARGATE", "capacityProviderStrategy": [{"capacityProvider": "F"}]},
            "both",
        ),
    ],
)
def test_a_service_that_cannot_work_is_refused(ecs: Any, name: str, given: Any, says: str) -> None:
    with refused("InvalidParameterException", says):
        create(ecs, name, **given)


def test_awsvpc_needs_a_network_that_exists(ecs: Any, name: str) -> None:
    ecs.register_task_definition(family=name, networkMode="awsvpc", containerDefinitions=[APP])
    with refused("InvalidParameterException", "Network Configuration must be provided"):
        create(ecs, name)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-0"]}}
    with refused("InvalidParameterException", "InvalidSubnetID.NotFound"):
        create(ecs, name, networkConfiguration=network)


def test_tags_come_only_when_they_are_asked_for(ecs: Any, name: str) -> None:
    create(ecs, name, tags=[{"key": "a", "value": "1"}])
    assert "tags" not in describe(ecs, name)
    (found,) = ecs.describe_services(cluster=name, services=["app"], include=["TAGS"])["services"]
    assert found["tags"] == [{"key": "a", "value": "1"}]
