"""A practice range that all tests of a process share, and stacks in it, one for each test."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import rude

from chimera.core.model import Service
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import Stack, build

NAMESPACE = "practice/metrics"
CLUSTER = "practice"
SPEED = 60.0
# Half of what the specs of tests say: a busy machine is late.
PROPAGATION = timedelta(seconds=0.3)
# The image of any tag "rude".
RUDE = (sys.executable, "-I", "-S", str(Path(rude.__file__)), "{address}", "{port}")


_shared: list[Sandbox] = []
_idle: dict[str, Stack] = {}


def shared_box() -> Sandbox:
    """Return this process's range; `no_box_left` ends it."""
    if not _shared:
        images = {"*:rude": RUDE, **Options().images}
        box = Sandbox(Options(speed=SPEED, propagation=PROPAGATION, images=images))
        box.start()
        _shared.append(box)
    return _shared[0]


@pytest.fixture(scope="session", autouse=True)
def no_box_left() -> Iterator[None]:
    """Stop the shared range after the last test."""
    yield
    stop_box()


def stop_box() -> None:
    """Stop this process's range, if it has one: its tasks work also while nobody looks."""
    _idle.clear()
    while _shared:
        _shared.pop().stop()


def outside(nextitem: pytest.Item | None, *folders: str) -> bool:
    """Whether the next test, if any, is of none of these folders of `tests`."""
    return nextitem is None or not any(f"/tests/{one}/" in str(nextitem.path) for one in folders)


@contextmanager
def configured(box: Sandbox) -> Iterator[None]:
    """Point boto3's own configuration at a range."""
    before = {name: os.environ.get(name) for name in box.env}
    os.environ.update(box.env)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def mesh_stack(box: Sandbox, *, tasks: int = 2, version: str = "v1", **more: Any) -> Stack:
    """Build a service of its own in the mesh; its repository has v1, v2 and v3."""
    name = f"logo-{secrets.token_hex(3)}"
    push(box, name, "v1", "v2", "v3")
    return build(box.session(), kind="appmesh", service=name, version=version, tasks=tasks, **more)


def idle_stack(box: Sandbox) -> Stack:
    """Return the stack that was set up without any task; a test leaves it as it found it."""
    found = kept_idle("appmesh")
    if found is None:
        found = mesh_stack(box, tasks=0, wait_s=0)
        start_agent(box, found)
        keep_idle(found)
    return found


def kept_idle(kind: str) -> Stack | None:
    """Return the idle stack of a kind that the last test left as it was, None if there is none."""
    return _idle.get(kind)


def keep_idle(stack: Stack) -> None:
    """Let the next test have an idle stack."""
    _idle["appmesh" if stack.mesh else "alb"] = stack


def forget_idle(stack: Stack) -> None:
    """Let no other test have a stack that may not be as it was."""
    _idle.pop("appmesh" if stack.mesh else "alb", None)


def push(box: Sandbox, repository: str, *tags: str) -> None:
    """Push images to ECR; the repository is made if it is missing."""
    ecr = box.session().client("ecr")
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=repository)
    for tag in tags:
        ecr.put_image(
            repositoryName=repository, imageTag=tag, imageManifest=_manifest(repository, tag)
        )


def mesh_settings(box: Sandbox, stack: Stack, **more: Any) -> dict[str, Any]:
    """Return the target of a spec for a stack."""
    return {
        "cluster": stack.cluster,
        "service": stack.service,
        "mesh": stack.mesh,
        "virtualRouter": stack.virtual_router,
        "route": stack.route,
        "namespace": NAMESPACE,
        "period": f"{box.options.period_s}s",
        "propagation": "600ms",
        "startTimeout": "30s",
        "replicas": 2,
        **more,
    }


def mesh_service(box: Sandbox, stack: Stack, **more: Any) -> Service:
    """Return a stack's service as Chimera knows it, under a name that nothing was made for yet."""
    name = f"shop-{secrets.token_hex(4)}"
    return Service(name, "ecs-appmesh", mesh_settings(box, stack, **more))


def start_agent(box: Sandbox, stack: Stack) -> None:
    """Run the CloudWatch agent in the cluster, as the one-time setup would; once per range."""
    ecs = box.session().client("ecs")
    found = ecs.describe_services(cluster=stack.cluster, services=["agent"])["services"]
    if any(one["status"] == "ACTIVE" for one in found):
        return
    dimensions = [
        "ClusterName",
        "TaskDefinitionFamily",
        "envoy_http_conn_manager_prefix",
        "envoy_response_code_class",
    ]
    declaration = {
        "source_labels": ["container_name"],
        "label_matcher": "^envoy$",
        "dimensions": [dimensions],
        "metric_selectors": ["^envoy_http_downstream_rq_xx$"],
    }
    prometheus = {
        "ecs_service_discovery": {
            "sd_frequency": "1m",
            "sd_target_cluster": stack.cluster,
            "docker_label": {},
        },
        "emf_processor": {"metric_namespace": NAMESPACE, "metric_declaration": [declaration]},
    }
    config = {"logs": {"metrics_collected": {"prometheus": prometheus}}}
    ecs.register_task_definition(
        family="agent",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=stack.task_role,
        executionRoleArn=stack.execution_role,
        containerDefinitions=[
            {
                "name": "cloudwatch-agent",
                "image": "amazon/cloudwatch-agent:latest",
                "essential": True,
                "environment": [{"name": "CW_CONFIG_CONTENT", "value": json.dumps(config)}],
            }
        ],
    )
    network = {"subnets": list(stack.subnets), "securityGroups": [stack.security_group]}
    ecs.create_service(
        cluster=stack.cluster,
        serviceName="agent",
        taskDefinition="agent",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )


def scale_automatically(box: Sandbox, stack: Stack) -> None:
    """Give a stack's service automatic scaling, as its operator would."""
    scaling = box.session().client("application-autoscaling")
    mine: dict[str, Any] = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": f"service/{stack.cluster}/{stack.service}",
    }
    scaling.register_scalable_target(**mine, MinCapacity=1, MaxCapacity=4)
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    scaling.put_scaling_policy(
        **mine,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": metric,
        },
    )
    scaling.put_scheduled_action(
        **mine,
        ScheduledActionName="night",
        Schedule="cron(0 22 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 2},
    )


async def requests(url: str, number: int, at_once: int = 20) -> Counter[int]:
    """Send GET requests; return the answers by status, 0 for none."""
    answers: Counter[int] = Counter()
    gate = asyncio.Semaphore(at_once)

    async def one(client: httpx.AsyncClient) -> None:
        async with gate:
            try:
                answers[(await client.get(url)).status_code] += 1
            except httpx.HTTPError:
                answers[0] += 1

    async with httpx.AsyncClient() as client:
        await asyncio.gather(*(one(client) for _ in range(number)))
    return answers


def _manifest(name: str, version: str) -> str:
    digest = hashlib.sha256(f"{name}:{version}".encode()).hexdigest()
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "size": 4096,
        "digest": f"sha256:{digest}",
    }
    layer = {**config, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [layer],
            "annotations": {"org.opencontainers.image.version": version},
        }
    )
