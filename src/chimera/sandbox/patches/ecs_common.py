"""What the actions of ECS share: names, lookups, filters."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.registry import Call

Json = dict[str, Any]


def new_id() -> str:
    """Return 32 hex digits, as ECS names its tasks."""
    return uuid4().hex


def short(name_or_arn: str) -> str:
    """Return the last part of an ARN, or the name as it is."""
    return name_or_arn.rpartition("/")[2]


def region_of(name_or_arn: str) -> str:
    """Return the region in an ARN, "" for a plain name."""
    return name_or_arn.split(":")[3] if name_or_arn.startswith("arn:") else ""


def cluster(call: Call, key: str = "cluster") -> Json:
    """Find the cluster that a call names, "default" if it names none."""
    found = call.ecs.clusters.get(short(call.params.get(key) or "default"))
    if found is None or found["status"] == "INACTIVE":
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    return found


def service(call: Call, key: str = "service") -> Json:
    """Find the service that a call names, whatever its status."""
    inside = cluster(call)["clusterName"]
    found = call.ecs.services.get((inside, short(call.params[key])))
    if found is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    return found


def definition(call: Call, name: str) -> Json:
    """Find a task definition by family, family:revision or ARN; the newest active by family."""
    family, _, revision = short(name).partition(":")
    revisions = call.ecs.families.get(family, {})
    if revision:
        found = revisions.get(int(revision)) if revision.isdigit() else None
    else:
        active = [one for one in revisions.values() if one["status"] == "ACTIVE"]
        found = active[-1] if active else None
    if found is None:
        raise AwsError("ClientException", "Unable to describe task definition.")
    return found


def usable_definition(call: Call, name: str) -> Json:
    """Find a task definition that new tasks may use."""
    try:
        found = definition(call, name)
    except AwsError:
        raise AwsError("ClientException", "TaskDefinition not found.") from None
    if found["status"] != "ACTIVE":
        raise AwsError("ClientException", "TaskDefinition is inactive")
    return found


def tagged(record: Json, call: Call) -> Json:
    """Return a record with its tags only if the call asks for them, as ECS does."""
    if "TAGS" in call.params.get("include", ()):
        return record
    return {name: value for name, value in record.items() if name != "tags"}


def missing(arn: str) -> Json:
    """Return the entry of a thing that was asked for and does not exist."""
    return {"arn": arn, "reason": "MISSING"}


def invalid(message: str) -> AwsError:
    """Return ECS's error about a parameter."""
    return AwsError("InvalidParameterException", message)
