"""ECS: tasks. They are records here; the plane makes processes of them."""

from __future__ import annotations

import time
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.ecs_common import (
    cluster,
    invalid,
    missing,
    new_id,
    short,
    tagged,
    usable_definition,
)
from chimera.sandbox.patches.registry import Call, answers, page
from chimera.sandbox.world import Region, World

Json = dict[str, Any]


def new_task(world: World, region: Region, cluster_arn: str, found: Json, **given: Any) -> Json:
    """Create the record of a task that is yet to start."""
    inside = short(cluster_arn)
    identity = new_id()
    task = {
        "taskArn": world.arn("ecs", region.name, f"task/{inside}/{identity}"),
        "clusterArn": cluster_arn,
        "taskDefinitionArn": found["taskDefinitionArn"],
        "availabilityZone": f"{region.name}a",
        "connectivity": "CONNECTED",
        "cpu": found.get("cpu", "256"),
        "memory": found.get("memory", "512"),
        "createdAt": time.time(),
        "desiredStatus": "RUNNING",
        "lastStatus": "PROVISIONING",
        "healthStatus": "UNKNOWN",
        "group": f"family:{found['family']}",
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "attachments": [],
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "tags": [],
        "version": 1,
        "containers": [
            {
                "containerArn": world.arn(
                    "ecs", region.name, f"container/{inside}/{identity}/{new_id()}"
                ),
                "taskArn": world.arn("ecs", region.name, f"task/{inside}/{identity}"),
                "name": one["name"],
                "image": one["image"],
                "lastStatus": "PENDING",
                "healthStatus": "UNKNOWN",
                "networkInterfaces": [],
            }
            for one in found["containerDefinitions"]
        ],
        **given,
        "_id": identity,
        "_definition": found,
    }
    region.ecs.tasks[task["taskArn"]] = task
    return task


@answers("ecs", "RunTask")
def run_task(call: Call) -> Json:
    """Start tasks outside of any service."""
    inside = cluster(call)
    found = usable_definition(call, call.params["taskDefinition"])
    if found.get("networkMode") == "awsvpc" and not call.params.get("networkConfiguration"):
        raise invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    given = {
        name: call.params[name] for name in ("startedBy", "group", "tags") if name in call.params
    }
    started = [
        new_task(call.world, call.state, inside["clusterArn"], found, **given)
        for _ in range(call.params.get("count", 1))
    ]
    return {"tasks": started, "failures": []}


@answers("ecs", "DescribeTasks")
def describe(call: Call) -> Json:
    """Describe up to a hundred tasks; what is gone is a failure."""
    cluster(call)
    names = call.params["tasks"]
    if not names:
        raise invalid("Tasks cannot be empty.")
    if len(names) > 100:
        raise invalid("Tasks can have at most 100 items.")
    by_id = {one["_id"]: one for one in call.ecs.tasks.values()}
    found, failures = [], []
    for name in names:
        task = by_id.get(short(name))
        if task:
            found.append(tagged(task, call))
        else:
            failures.append(missing(name))
    return {"tasks": found, "failures": failures}


@answers("ecs", "ListTasks")
def list_tasks(call: Call) -> Json:
    """List ARNs by cluster, service, family, desired status and launch type."""
    inside = cluster(call)
    params = call.params
    name = params.get("serviceName")
    if name and (inside["clusterName"], short(name)) not in call.ecs.services:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    group = f"service:{short(name)}" if name else None
    family = params.get("family")
    arns = [
        arn
        for arn, task in call.ecs.tasks.items()
        if task["clusterArn"] == inside["clusterArn"]
        and task["desiredStatus"] == params.get("desiredStatus", "RUNNING")
        and group in {None, task["group"]}
        and family in {None, task["_definition"]["family"]}
        and params.get("startedBy") in {None, task.get("startedBy")}
        and params.get("launchType") in {None, task.get("launchType")}
    ]
    return page(call, arns, into="taskArns")


@answers("ecs", "StopTask")
def stop_task(call: Call) -> Json:
    """Ask a task to stop; its service, if any, starts another."""
    cluster(call)
    wanted = short(call.params["task"])
    found = next((one for one in call.ecs.tasks.values() if one["_id"] == wanted), None)
    if found is None:
        raise invalid("The referenced task was not found.")
    ask_to_stop(found, call.params.get("reason", "Task stopped by user"), "UserInitiated")
    return {"task": found}


def ask_to_stop(task: Json, reason: str, code: str) -> None:
    """Let a task stop; the first reason stays."""
    if task["desiredStatus"] != "STOPPED":
        task["desiredStatus"] = "STOPPED"
        task["stopCode"] = code
        task["stoppedReason"] = reason
        task["stoppingAt"] = time.time()
        task["version"] += 1
