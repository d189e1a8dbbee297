"""What more tasks cost while two versions run. Pure.

Prices are a hint: Fargate's list prices on demand for Linux in us-east-1 as of March 2026. AWS
changes them, and most other regions cost up to a third more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# USD an hour: per vCPU, per GB.
_FARGATE = {"X86_64": (0.04048, 0.004445), "ARM64": (0.03238, 0.00356)}
_FARGATE_PROVIDERS = {"FARGATE", "FARGATE_SPOT"}


def cost_of(service: Mapping[str, Any], definition: Mapping[str, Any], count: int) -> str:
    """Say what `count` more tasks take, and on Fargate about what that costs an hour."""
    tasks = "1 task" if count == 1 else f"{count} tasks"
    vcpu = int(definition.get("cpu") or 0) / 1024
    gigabytes = int(definition.get("memory") or 0) / 1024
    each = f"{tasks} more while both versions run"
    if not vcpu or not gigabytes:
        return each
    size = f"{each}: {vcpu * count:g} vCPU and {gigabytes * count:g} GB"
    if not _on_fargate(service):
        return f"{size} of the cluster's instances"
    platform = definition.get("runtimePlatform") or {}
    if not str(platform.get("operatingSystemFamily", "LINUX")).startswith("LINUX"):
        return size
    per_vcpu, per_gigabyte = _FARGATE[str(platform.get("cpuArchitecture", "X86_64"))]
    hourly = count * (vcpu * per_vcpu + gigabytes * per_gigabyte)
    return f"{size}, about {hourly:.2g} USD an hour at us-east-1's list price"


def _on_fargate(service: Mapping[str, Any]) -> bool:
    providers = {
        str(one.get("capacityProvider")) for one in service.get("capacityProviderStrategy") or ()
    }
    return service.get("launchType") == "FARGATE" or bool(providers & _FARGATE_PROVIDERS)
