"""The seed's ECS part: a task definition with its sidecar, and a service."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
ENVOY = "840364872350.dkr.ecr.eu-west-1.amazonaws.com/aws-appmesh-envoy:v1.29.12.1-prod"


def register_task_definition(ecs: Any, names: Json, version: str) -> str:
    """Register the app, with an Envoy beside it if it is in a mesh; return the ARN."""
    containers = [_app(names, version)]
    more: Json = {}
    if names.get("mesh"):
        containers.append(_envoy(names))
        settings = {
            "IgnoredUID": "1337",
            "ProxyIngressPort": "15000",
            "ProxyEgressPort": "15001",
            "AppPorts": str(names["port"]),
            "EgressIgnoredIPs": "169.254.170.2,169.254.169.254",
        }
        more["proxyConfiguration"] = {
            "type": "APPMESH",
            "containerName": "envoy",
            "properties": [{"name": name, "value": value} for name, value in settings.items()],
        }
    found = ecs.register_task_definition(
        family=names["family"],
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=names["task_role"],
        executionRoleArn=names["execution_role"],
        containerDefinitions=containers,
        **more,
    )
    return str(found["taskDefinition"]["taskDefinitionArn"])


def _app(names: Json, version: str) -> Json:
    port = names["port"]
    return {
        "name": names["container"],
        "image": f"{names['image']}:{version}",
        "essential": True,
        "portMappings": [{"containerPort": port, "protocol": "tcp"}],
        "healthCheck": {
            "command": ["CMD-SHELL", f"curl -f http://localhost:{port}/healthz || exit 1"],
            "interval": 5,
            "timeout": 2,
            "retries": 3,
        },
        "environment": [{"name": "STAGE", "value": "practice"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "/practice",
                "awslogs-region": names["region"],
                "awslogs-stream-prefix": names["service"],
            },
        },
    }


def _envoy(names: Json) -> Json:
    node = f"mesh/{names['mesh']}/virtualNode/{names['virtual_node']}"
    arn = f"arn:aws:appmesh:{names['region']}:{names['account']}:{node}"
    return {
        "name": "envoy",
        "image": ENVOY,
        "essential": True,
        "user": "1337",
        "portMappings": [{"containerPort": 9901, "protocol": "tcp"}],
        "environment": [
            {"name": "APPMESH_RESOURCE_ARN", "value": arn},
            {"name": "ENABLE_ENVOY_STATS_TAGS", "value": "1"},
        ],
        "healthCheck": {
            "command": [
                "CMD-SHELL",
                "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE",
            ],
            "interval": 5,
            "timeout": 2,
            "retries": 3,
        },
        "dockerLabels": {
            "ECS_PROMETHEUS_EXPORTER_PORT": "9901",
            "ECS_PROMETHEUS_METRICS_PATH": "/stats/prometheus",
        },
    }


def create_service(ecs: Any, names: Json, tasks: int) -> str:
    """Create the service, in Cloud Map or behind the load balancer; return the ARN."""
    more: Json = {}
    if names.get("cloud_map_service"):
        more["serviceRegistries"] = [{"registryArn": names.pop("_registry")}]
    if names.get("target_group"):
        more["loadBalancers"] = [
            {
                "targetGroupArn": names["target_group"],
                "containerName": names["container"],
                "containerPort": names["port"],
            }
        ]
        more["healthCheckGracePeriodSeconds"] = 30
    found = ecs.create_service(
        cluster=names["cluster"],
        serviceName=names["service"],
        taskDefinition=names["family"],
        desiredCount=tasks,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": list(names["subnets"]),
                "securityGroups": [names["security_group"]],
                "assignPublicIp": "DISABLED",
            }
        },
        tags=[{"key": "team", "value": "practice"}],
        propagateTags="SERVICE",
        **more,
    )
    return str(found["service"]["serviceArn"])
