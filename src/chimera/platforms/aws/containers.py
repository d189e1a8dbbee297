"""The containers of a task definition: which one is the application, which one is Envoy. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.errors import PROVIDER

_SIDECAR = re.compile(
    r"envoy|xray-daemon|cloudwatch-agent|fluent-?bit|fluentd|datadog|otel|opentelemetry|"
    r"firelens|ecs-exec|consul|vault|newrelic",
    re.I,
)
_MESH_VARIABLES = ("APPMESH_RESOURCE_ARN", "APPMESH_VIRTUAL_NODE_NAME")


def envoy_of(definition: Mapping[str, Any]) -> str:
    """Return the name of the Envoy container, "" if there is none."""
    containers = definition["containerDefinitions"]
    for container in containers:
        names = {variable.get("name") for variable in container.get("environment") or ()}
        if names & set(_MESH_VARIABLES):
            return str(container["name"])
    proxy = definition.get("proxyConfiguration") or {}
    named = proxy.get("containerName", "")
    if any(container["name"] == named for container in containers):
        return str(named)
    envoys = [c["name"] for c in containers if "envoy" in str(c.get("image", "")).lower()]
    return str(envoys[0]) if len(envoys) == 1 else ""


def application(definition: Mapping[str, Any], service: Mapping[str, Any], wanted: str = "") -> str:
    """Return the name of the application's container; ProviderRefused if it cannot be told."""
    containers: Sequence[Mapping[str, Any]] = definition["containerDefinitions"]
    names = [str(container["name"]) for container in containers]
    if wanted:
        if wanted in names:
            return wanted
        raise _unclear(f"there is no container '{wanted}'", names)
    behind = service.get("loadBalancers") or ()
    envoy = envoy_of(definition)
    published = {str(one["containerName"]) for one in behind if one.get("containerName")} & set(
        names
    )
    if len(published - {envoy}) == 1:
        return (published - {envoy}).pop()
    essential = [
        str(c["name"])
        for c in containers
        if c.get("essential", True)
        and c["name"] != envoy
        and not c.get("firelensConfiguration")
        and not _SIDECAR.search(f"{c['name']} {str(c.get('image', '')).rpartition('/')[2]}")
    ]
    if len(essential) != 1:
        raise _unclear("which container holds the application is not clear", names)
    return essential[0]


def _unclear(reason: str, names: list[str]) -> ProviderRefused:
    hint = f"say which in target.container: {', '.join(names)}"
    return ProviderRefused(PROVIDER, "read the task definition", reason, hint=hint)
