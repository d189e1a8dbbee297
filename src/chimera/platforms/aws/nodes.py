"""Virtual nodes of App Mesh: cloned for a version, so that each finds only its own tasks. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.arms import Arm
from chimera.platforms.aws.cloudmap import FAMILY, SERVICE_NAME
from chimera.platforms.aws.errors import PROVIDER


def by_dns(spec: Mapping[str, Any]) -> bool:
    """Whether a node finds its tasks by DNS."""
    return bool((spec.get("serviceDiscovery") or {}).get("dns"))


def cloned(spec: Mapping[str, Any], *, name: str, hostname: str = "") -> dict[str, Any]:
    """Return a node's spec for the version whose ECS service and family are called `name`.

    hostname: where a node that finds its tasks by DNS looks for them.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(spec))
    discovery = changed["serviceDiscovery"]
    if discovery.get("dns"):
        discovery["dns"]["hostname"] = hostname
        return changed
    for attribute in discovery["awsCloudMap"]["attributes"]:
        if attribute["key"] in {FAMILY, SERVICE_NAME}:
            attribute["value"] = name
    return changed


def refuse_unfit(name: str, spec: Mapping[str, Any], arm: Arm) -> None:
    """Refuse a node that would find another version's tasks, or not those of its ECS service."""
    discovery = spec.get("serviceDiscovery") or {}
    if discovery.get("dns"):
        return
    if not discovery.get("awsCloudMap"):
        hint = "give it service discovery by Cloud Map"
        raise _unfit(f"virtual node '{name}' finds no tasks: it has no service discovery", hint)
    attributes = {
        str(one["key"]): str(one["value"])
        for one in discovery["awsCloudMap"].get("attributes") or ()
    }
    expected = {
        FAMILY: str(arm.definition["family"]),
        SERVICE_NAME: str(arm.service["serviceName"]),
    }
    selecting = attributes.keys() & expected.keys()
    if not selecting:
        reason = f"virtual node '{name}' takes every task of its Cloud Map service"
        hint = (
            f"add the attribute {FAMILY}={expected[FAMILY]} to its service discovery, or a canary "
            "would get traffic as soon as it starts"
        )
        raise _unfit(reason, hint)
    for key in selecting:
        if attributes[key] != expected[key]:
            reason = (
                f"virtual node '{name}' wants {key}={attributes[key]}, "
                f"but the ECS service '{arm.service['serviceName']}' has {expected[key]}"
            )
            raise _unfit(reason, "check target.service and target.route")


def _unfit(reason: str, hint: str) -> ProviderRefused:
    return ProviderRefused(PROVIDER, "read the virtual node", reason, hint=hint)
