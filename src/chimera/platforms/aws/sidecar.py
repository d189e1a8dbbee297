"""The Envoy beside the application in a task definition: kept or added, and told its node. Pure."""

from __future__ import annotations

from typing import Any

from chimera.platforms.aws.containers import envoy_of

ADMIN_PORT = 9901
# By these the CloudWatch agent finds an Envoy.
LABELS = {
    "ECS_PROMETHEUS_EXPORTER_PORT": str(ADMIN_PORT),
    "ECS_PROMETHEUS_METRICS_PATH": "/stats/prometheus",
}
RESOURCE = "APPMESH_RESOURCE_ARN"
RESOURCE_BEFORE = "APPMESH_VIRTUAL_NODE_NAME"
_UID = "1337"


def adapt(request: dict[str, Any], *, node_arn: str, image: str, ports: list[int]) -> None:
    """Make a task definition's Envoy that of a node, scraped by the agent; add it if missing.

    ports: where the application listens, for an Envoy that is added.
    """
    name = envoy_of(request)
    if not name:
        name = _add(request, image, ports)
    envoy = next(c for c in request["containerDefinitions"] if c["name"] == name)
    variables = [
        variable
        for variable in envoy.get("environment") or ()
        if variable["name"] not in {RESOURCE, RESOURCE_BEFORE}
    ]
    envoy["environment"] = [*variables, {"name": RESOURCE, "value": node_arn}]
    envoy.setdefault("dockerLabels", {}).update(LABELS)
    mappings = envoy.setdefault("portMappings", [])
    if all(mapping.get("containerPort") != ADMIN_PORT for mapping in mappings):
        mappings.append({"containerPort": ADMIN_PORT, "protocol": "tcp"})


def _add(request: dict[str, Any], image: str, ports: list[int]) -> str:
    name = "envoy"
    probe = f"curl -s http://localhost:{ADMIN_PORT}/server_info | grep state | grep -q LIVE"
    request["containerDefinitions"].append(
        {
            "name": name,
            "image": image,
            "essential": True,
            "memoryReservation": 128,
            "user": _UID,
            "healthCheck": {
                "command": ["CMD-SHELL", probe],
                "interval": 5,
                "timeout": 2,
                "retries": 3,
                "startPeriod": 10,
            },
        }
    )
    request["proxyConfiguration"] = {
        "type": "APPMESH",
        "containerName": name,
        "properties": [
            {"name": "IgnoredUID", "value": _UID},
            {"name": "ProxyIngressPort", "value": "15000"},
            {"name": "ProxyEgressPort", "value": "15001"},
            {"name": "AppPorts", "value": ",".join(map(str, ports))},
            {"name": "EgressIgnoredIPs", "value": "169.254.170.2,169.254.169.254"},
        ],
    }
    return name
