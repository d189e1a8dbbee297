"""ECS: task definitions, which are never changed, only replaced."""

from __future__ import annotations

import re
import time
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.ecs_common import definition, invalid, short, tagged
from chimera.sandbox.patches.registry import Call, answers, page

Json = dict[str, Any]
_CONTAINER: Json = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}
_CPU = {"256", "512", "1024", "2048", "4096", "8192", "16384"}


def _client(message: str) -> AwsError:
    return AwsError("ClientException", message)


@answers("ecs", "RegisterTaskDefinition")
def register(call: Call) -> Json:
    """Register the next revision of a family."""
    params = dict(call.params)
    _check(params)
    tags = params.pop("tags", [])
    fargate = "FARGATE" in params.get("requiresCompatibilities", ())
    revisions = call.ecs.families.setdefault(params["family"], {})
    revision = max(revisions, default=0) + 1
    params["containerDefinitions"] = [
        {**_CONTAINER, **container, "portMappings": _ports(container, params)}
        for container in params["containerDefinitions"]
    ]
    record = {
        "volumes": [],
        "placementConstraints": [],
        "compatibilities": ["EC2", "FARGATE"] if fargate else ["EC2"],
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.ecr-auth"}],
        **params,
        "taskDefinitionArn": call.arn(f"task-definition/{params['family']}:{revision}"),
        "revision": revision,
        "status": "ACTIVE",
        "registeredAt": time.time(),
        "registeredBy": f"arn:aws:iam::{call.world.account}:user/practice",
        "tags": tags,
    }
    revisions[revision] = record
    return {"taskDefinition": record, "tags": tags}


def _ports(container: Json, params: Json) -> list[Json]:
    awsvpc = params.get("networkMode") == "awsvpc"
    return [
        {
            "protocol": "tcp",
            **({"hostPort": port["containerPort"]} if awsvpc else {}),
            **port,
        }
        for port in container.get("portMappings", ())
    ]


def _check(params: Json) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", params.get("family", "")):
        raise _client("Family contains invalid characters.")
    containers = params.get("containerDefinitions") or []
    names = _check_containers(containers)
    proxy = params.get("proxyConfiguration", {}).get("containerName")
    if proxy and proxy not in names:
        raise _client("The proxyConfiguration's container does not exist in the task definition.")
    if "FARGATE" in params.get("requiresCompatibilities", ()):
        _check_fargate(params, containers)
    elif not params.get("memory"):
        _check_memory(containers)


def _check_containers(containers: list[Json]) -> list[str]:
    if not containers:
        raise _client("Container list cannot be empty.")
    names = [str(one.get("name")) for one in containers]
    if len(set(names)) != len(names):
        raise _client("Container names must be unique within a task definition.")
    if not any(one.get("essential", True) for one in containers):
        raise _client("At least one container in the task definition must be essential.")
    for name, image in ((one.get("name"), one.get("image")) for one in containers):
        if not image:
            raise _client(f"Container.image repository cannot be null or empty: {name}")
    return names


def _check_memory(containers: list[Json]) -> None:
    for one in containers:
        if not one.get("memory") and not one.get("memoryReservation"):
            raise _client(
                f"Invalid setting for container '{one['name']}'. At least one of 'memory' or "
                "'memoryReservation' must be specified."
            )


def _check_fargate(params: Json, containers: list[Json]) -> None:
    if params.get("networkMode") != "awsvpc":
        raise _client("Fargate only supports network mode 'awsvpc'.")
    if params.get("cpu") not in _CPU or not params.get("memory"):
        raise _client("No Fargate configuration exists for given values.")
    private = any(".dkr.ecr." in one["image"] for one in containers)
    if private and not params.get("executionRoleArn"):
        message = (
            "Fargate requires task definition to have execution role ARN to support ECR images."
        )
        raise _client(message)


@answers("ecs", "DescribeTaskDefinition")
def describe(call: Call) -> Json:
    """Describe one revision; inactive ones too."""
    found = definition(call, call.params["taskDefinition"])
    shown = {name: value for name, value in found.items() if name != "tags"}
    tags = {"tags": found["tags"]} if "tags" in tagged(found, call) else {}
    return {"taskDefinition": shown, **tags}


@answers("ecs", "ListTaskDefinitions")
def list_definitions(call: Call) -> Json:
    """List ARNs, active ones unless asked otherwise; a prefix must be a whole family."""
    status = call.params.get("status", "ACTIVE")
    family = call.params.get("familyPrefix")
    arns = [
        record["taskDefinitionArn"]
        for name, revisions in sorted(call.ecs.families.items())
        if family in {None, name}
        for record in revisions.values()
        if record["status"] == status
    ]
    if call.params.get("sort") == "DESC":
        arns.reverse()
    return page(call, arns, into="taskDefinitionArns")


@answers("ecs", "ListTaskDefinitionFamilies")
def list_families(call: Call) -> Json:
    """List families; ACTIVE ones have an active revision."""
    status = call.params.get("status", "ALL")
    prefix = call.params.get("familyPrefix", "")
    names = []
    for name, revisions in sorted(call.ecs.families.items()):
        active = any(record["status"] == "ACTIVE" for record in revisions.values())
        if name.startswith(prefix) and status in {"ALL", "ACTIVE" if active else "INACTIVE"}:
            names.append(name)
    return page(call, names, into="families")


@answers("ecs", "DeregisterTaskDefinition")
def deregister(call: Call) -> Json:
    """Make a revision inactive; services that use it go on."""
    name = call.params["taskDefinition"]
    if ":" not in short(name):
        raise _client("Revision is missing.")
    found = definition(call, name)
    if found["status"] != "ACTIVE":
        raise invalid(
            "The specified task definition is inactive. Specify an active task "
            "definition and try again."
        )
    found["status"] = "INACTIVE"
    found["deregisteredAt"] = time.time()
    return {"taskDefinition": found}


@answers("ecs", "DeleteTaskDefinitions")
def delete(call: Call) -> Json:
    """Delete inactive revisions, at most ten; one in use stays DELETE_IN_PROGRESS."""
    names = call.params["taskDefinitions"]
    if len(names) > 10:
        raise invalid("The number of task definitions exceeds the limit of 10.")
    deleted, failures = [], []
    for name in names:
        try:
            found = definition(call, name)
        except AwsError:
            failures.append(
                {"arn": name, "reason": "The specified task definition does not exist."}
            )
            continue
        if found["status"] == "ACTIVE":
            reason = (
                "The specified task definition is still in ACTIVE status. Please deregister "
                "the target and try again."
            )
            failures.append({"arn": found["taskDefinitionArn"], "reason": reason})
            continue
        found["status"] = "DELETE_IN_PROGRESS"
        found.setdefault("deleteRequestedAt", time.time())
        deleted.append(found)
    output = {"taskDefinitions": [dict(one) for one in deleted], "failures": failures}
    for one in deleted:
        if not _used(call, one["taskDefinitionArn"]):
            del call.ecs.families[one["family"]][one["revision"]]
    return output


def _used(call: Call, arn: str) -> bool:
    services = (one for one in call.ecs.services.values() if one["status"] != "INACTIVE")
    in_service = any(
        deployment["taskDefinition"] == arn for one in services for deployment in one["deployments"]
    )
    tasks = call.ecs.tasks.values()
    return in_service or any(
        one["taskDefinitionArn"] == arn and one["lastStatus"] != "STOPPED" for one in tasks
    )
