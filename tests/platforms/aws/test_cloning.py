"""What is cloned keeps what the operator set, and changes only what it must. Pure."""

from __future__ import annotations

import copy
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from chimera.core.errors import ProviderRefused
from chimera.core.model import Revision, Service
from chimera.platforms.aws import definitions, services, sidecar
from chimera.platforms.aws.containers import application, envoy_of
from chimera.platforms.aws.identity import version_of, with_tag
from chimera.platforms.aws.naming import derived, ecs_tags, our_tags
from chimera.platforms.aws.nodes import cloned as cloned_node

CLIENT = boto3.Session(region_name="eu-west-1").client(
    "ecs", aws_access_key_id="x", aws_secret_access_key="x"
)
ENVOY = {"name": "envoy", "image": "aws-appmesh-envoy:v1", "essential": True}
APP = {"name": "app", "image": "repo/app:v1", "essential": True, "cpu": 0, "unheard": 1}
DEFINITION: dict[str, Any] = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/shop:7",
    "family": "shop",
    "revision": 7,
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "ecs.capability"}],
    "compatibilities": ["FARGATE"],
    "registeredBy": "me",
    "networkMode": "awsvpc",
    "cpu": "256",
    "volumes": [],
    "containerDefinitions": [
        {
            **APP,
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}},
        },
        {**ENVOY, "environment": [{"name": "APPMESH_VIRTUAL_NODE_NAME", "value": "old"}]},
    ],
    "tags": [{"key": "team", "value": "a"}, {"key": "chimera:rollout", "value": "r0"}],
}
SERVICE: dict[str, Any] = {
    "serviceArn": "arn:aws:ecs:eu-west-1:1:service/prod/shop",
    "serviceName": "shop",
    "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/prod",
    "status": "ACTIVE",
    "desiredCount": 3,
    "runningCount": 3,
    "pendingCount": 0,
    "launchType": "FARGATE",
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    "roleArn": "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
    "deploymentConfiguration": {
        "deploymentCircuitBreaker": {"enable": True, "rollback": False},
        "maximumPercent": 200,
    },
    "placementStrategy": [{"type": "spread", "field": "host"}],
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s-1"]}},
    "healthCheckGracePeriodSeconds": 30,
    "propagateTags": "SERVICE",
    "enableExecuteCommand": True,
    "events": [{"id": "1"}],
    "deployments": [
        {
            "status": "PRIMARY",
            "serviceConnectConfiguration": {"enabled": True, "namespace": "n"},
        }
    ],
    "tags": [{"key": "team", "value": "a"}, {"key": "aws:cloudformation", "value": "x"}],
}


def valid(operation: str, request: dict[str, Any]) -> bool:
    shape = CLIENT.meta.service_model.operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    return True


def test_a_task_definition_changes_in_family_image_logs_and_tags_only() -> None:
    before = copy.deepcopy(DEFINITION)
    request = definitions.cloned(
        CLIENT,
        DEFINITION,
        family="shop-v2",
        container="app",
        image="repo/app@sha256:1",
        tags={"chimera:rollout": "r1"},
    )
    assert before == DEFINITION
    assert valid("RegisterTaskDefinition", request)
    app, envoy = request["containerDefinitions"]
    assert (app["image"], envoy["image"]) == ("repo/app@sha256:1", ENVOY["image"])
    assert app["logConfiguration"]["options"] == {
        "awslogs-group": "g",
        "awslogs-stream-prefix": "shop-v2",
    }
    assert request["family"] == "shop-v2"
    assert request["cpu"] == "256"
    assert request["tags"] == [
        {"key": "chimera:rollout", "value": "r1"},
        {"key": "team", "value": "a"},
    ]


def test_a_service_keeps_its_settings() -> None:
    request = services.cloned(
        CLIENT, SERVICE, name="shop-v2", definition="d:1", count=1, tags={"chimera:rollout": "r1"}
    )
    assert valid("CreateService", request)
    for key in (
        "networkConfiguration",
        "capacityProviderStrategy",
        "placementStrategy",
        "deploymentConfiguration",
        "propagateTags",
        "enableExecuteCommand",
    ):
        assert request[key] == SERVICE[key]
    assert request["serviceConnectConfiguration"] == {"enabled": True, "namespace": "n"}
    assert (request["serviceName"], request["taskDefinition"], request["desiredCount"]) == (
        "shop-v2",
        "d:1",
        1,
    )
    assert not request.keys() & {"launchType", "role", "healthCheckGracePeriodSeconds"}
    assert request["tags"] == [
        {"key": "chimera:rollout", "value": "r1"},
        {"key": "team", "value": "a"},
    ]
    assert len(request["clientToken"]) <= 36


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "CODE_DEPLOY"),
        ({"schedulingStrategy": "DAEMON"}, "daemon"),
        (
            {
                "deployments": [
                    {
                        "status": "PRIMARY",
                        "serviceConnectConfiguration": {
                            "enabled": True,
                            "services": [{"portName": "http"}],
                        },
                    }
                ]
            },
            "Service Connect",
        ),
    ],
)
def test_a_service_that_cannot_be_cloned_is_refused(more: dict[str, Any], words: str) -> None:
    services.refuse_unfit(SERVICE)
    with pytest.raises(ProviderRefused, match=words) as refused:
        services.refuse_unfit({**SERVICE, **more})
    assert refused.value.hint


def test_the_envoy_is_told_its_new_node_and_is_scraped() -> None:
    request = copy.deepcopy(DEFINITION)
    for _ in range(2):
        sidecar.adapt(request, node_arn="arn:new", image="unused", ports=[8080])
        envoy = request["containerDefinitions"][1]
        assert envoy["environment"] == [{"name": "APPMESH_RESOURCE_ARN", "value": "arn:new"}]
        assert envoy["portMappings"] == [{"containerPort": 9901, "protocol": "tcp"}]
        assert envoy["dockerLabels"] == {
            "ECS_PROMETHEUS_METRICS_PATH": "/stats/prometheus",
            "ECS_PROMETHEUS_EXPORTER_PORT": "9901",
        }
        assert len(request["containerDefinitions"]) == 2


def test_a_missing_envoy_is_added() -> None:
    request = {"family": "f", "containerDefinitions": [{"name": "app", "image": "x"}]}
    sidecar.adapt(request, node_arn="arn:new", image="envoy:1", ports=[80, 81])
    assert valid("RegisterTaskDefinition", request)
    assert envoy_of(request) == "envoy"
    proxy: Any = request["proxyConfiguration"]
    assert {"name": "AppPorts", "value": "80,81"} in proxy["properties"]


@pytest.mark.parametrize(
    ("containers", "wanted", "expected"),
    [
        ([APP, ENVOY], "", "app"),
        ([APP, ENVOY, {"name": "xray-daemon", "image": "x"}], "", "app"),
        ([APP, {"name": "job", "image": "j", "essential": False}], "", "app"),
        ([APP, {"name": "web", "image": "w"}], "web", "web"),
        ([APP, {"name": "web", "image": "w"}], "", ""),
        ([APP], "nope", ""),
    ],
)
def test_the_application_is_told_from_its_sidecars(
    containers: list[dict[str, Any]], wanted: str, expected: str
) -> None:
    definition = {"containerDefinitions": containers}
    if expected:
        assert application(definition, {}, wanted) == expected
        return
    with pytest.raises(ProviderRefused) as refused:
        application(definition, {}, wanted)
    assert "target.container" in refused.value.hint


def test_a_node_finds_the_new_tasks_alone() -> None:
    where = {
        "namespaceName": "n",
        "serviceName": "s",
        "attributes": [
            {"key": "ECS_TASK_DEFINITION_FAMILY", "value": "shop"},
            {"key": "zone", "value": "a"},
        ],
    }
    spec = {"listeners": [{"port": 1}], "serviceDiscovery": {"awsCloudMap": where}}
    found = cloned_node(spec, name="shop-v2")
    assert found["listeners"] == spec["listeners"]
    assert found["serviceDiscovery"]["awsCloudMap"]["attributes"] == [
        {"key": "ECS_TASK_DEFINITION_FAMILY", "value": "shop-v2"},
        {"key": "zone", "value": "a"},
    ]
    dns = {"serviceDiscovery": {"dns": {"hostname": "shop.local", "responseType": "ENDPOINTS"}}}
    assert cloned_node(dns, name="x", hostname="v2.local")["serviceDiscovery"]["dns"] == {
        "hostname": "v2.local",
        "responseType": "ENDPOINTS",
    }


@given(st.text(min_size=1), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,254}", fullmatch=True))
def test_a_derived_name_is_one_that_aws_takes(base: str, revision: str) -> None:
    service = Service("shop", "ecs-appmesh")
    name = derived(base, service, Revision(revision), "r1")
    assert len(name) <= 255
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert name == derived(base, service, Revision(revision), "r1")
    assert name != derived(base, service, Revision(revision), "r2")
    tags = ecs_tags(our_tags(service, Revision(revision, "i:1"), "r1", name))
    assert all(len(tag["value"]) <= 256 for tag in tags)


@pytest.mark.parametrize(
    ("image", "version", "other"),
    [
        ("repo/app:v1", "v1", "repo/app:v2"),
        ("host:5000/app:v1", "v1", "host:5000/app:v2"),
        ("host:5000/app", "host:5000/app", "host:5000/app:v2"),
        ("repo/app:v1@sha256:" + "a" * 64, "v1", "repo/app:v2"),
        ("repo/app@sha256:" + "a" * 64, "sha256-aaaaaaaaaaaa", "repo/app:v2"),
    ],
)
def test_versions_are_read_from_images_and_put_into_them(
    image: str, version: str, other: str
) -> None:
    assert version_of(image) == version
    assert with_tag(image, "v2") == other
