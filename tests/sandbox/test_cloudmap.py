"""Cloud Map as AWS documents it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.aws_errors import refused


@pytest.fixture
def cloud_map(client: Any) -> Any:
    return client("servicediscovery")


@pytest.fixture
def namespace(cloud_map: Any, name: str) -> str:
    operation = cloud_map.create_private_dns_namespace(Name=f"{name}.local", Vpc="vpc-1")
    done = cloud_map.get_operation(OperationId=operation["OperationId"])["Operation"]
    assert done["Status"] == "SUCCESS"
    return str(done["Targets"]["NAMESPACE"])


@pytest.fixture
def service(cloud_map: Any, namespace: str) -> str:
    created = cloud_map.create_service(
        Name="app",
        NamespaceId=namespace,
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]},
        HealthCheckCustomConfig={"FailureThreshold": 1},
    )
    return str(created["Service"]["Id"])


def enter(cloud_map: Any, service: str, identity: str, **attributes: str) -> None:
    given = {"AWS_INSTANCE_IPV4": "127.0.0.1", **attributes}
    cloud_map.register_instance(ServiceId=service, InstanceId=identity, Attributes=given)


def discover(cloud_map: Any, name: str, **more: Any) -> list[str]:
    found = cloud_map.discover_instances(NamespaceName=f"{name}.local", ServiceName="app", **more)
    return [one["InstanceId"] for one in found["Instances"]]


def test_a_service_with_instances_cannot_be_deleted(cloud_map: Any, service: str) -> None:
    enter(cloud_map, service, "one")
    with refused("ResourceInUse"):
        cloud_map.delete_service(Id=service)
    cloud_map.deregister_instance(ServiceId=service, InstanceId="one")
    cloud_map.delete_service(Id=service)
    with refused("ServiceNotFound"):
        cloud_map.get_service(Id=service)


def test_a_namespace_with_services_cannot_be_deleted(
    cloud_map: Any, namespace: str, service: str
) -> None:
    with refused("ResourceInUse"):
        cloud_map.delete_namespace(Id=namespace)


def test_instances_are_found_by_attributes_and_health(
    cloud_map: Any, service: str, name: str
) -> None:
    enter(cloud_map, service, "one", ECS_TASK_DEFINITION_FAMILY="stable")
    enter(cloud_map, service, "two", ECS_TASK_DEFINITION_FAMILY="canary")
    wanted = {"ECS_TASK_DEFINITION_FAMILY": "canary"}
    assert discover(cloud_map, name, QueryParameters=wanted) == ["two"]
    cloud_map.update_instance_custom_health_status(
        ServiceId=service, InstanceId="two", Status="UNHEALTHY"
    )
    assert discover(cloud_map, name, HealthStatus="HEALTHY") == ["one"]
    assert discover(cloud_map, name) == ["one", "two"]


def test_health_is_told_by_instance_and_paged(cloud_map: Any, service: str) -> None:
    enter(cloud_map, service, "one", AWS_INIT_HEALTH_STATUS="UNHEALTHY")
    enter(cloud_map, service, "two")
    first = cloud_map.get_instances_health_status(ServiceId=service, MaxResults=1)
    assert first["Status"] == {"one": "UNHEALTHY"}
    rest = cloud_map.get_instances_health_status(ServiceId=service, NextToken=first["NextToken"])
    assert rest["Status"] == {"two": "HEALTHY"}
    with refused("InstanceNotFound"):
        cloud_map.get_instances_health_status(ServiceId=service, Instances=["nobody"])


def test_names_are_taken_once(cloud_map: Any, namespace: str, service: str, name: str) -> None:
    with refused("NamespaceAlreadyExists"):
        cloud_map.create_http_namespace(Name=f"{name}.local")
    with refused("ServiceAlreadyExists"):
        cloud_map.create_service(Name="App", NamespaceId=namespace)


def test_a_word_that_aws_does_not_know_is_refused(cloud_map: Any, namespace: str) -> None:
    with refused("InvalidInput", "'DNS_HTTP' at 'Type' must be one of HTTP"):
        cloud_map.create_service(Name="app", NamespaceId=namespace, Type="DNS_HTTP")
    records = {"DnsRecords": [{"Type": "MX", "TTL": 10}]}
    with refused("InvalidInput", "DnsConfig.DnsRecords.Type"):
        cloud_map.create_service(Name="app", NamespaceId=namespace, DnsConfig=records)


def test_what_does_not_exist_is_not_found(cloud_map: Any, service: str) -> None:
    with refused("NamespaceNotFound"):
        cloud_map.create_service(Name="app", NamespaceId="ns-nobody")
    with refused("InstanceNotFound"):
        cloud_map.deregister_instance(ServiceId=service, InstanceId="nobody")
    with refused("ServiceNotFound"):
        cloud_map.list_instances(ServiceId="srv-nobody")
