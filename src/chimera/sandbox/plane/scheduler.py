"""Bring every ECS service's tasks to what it asks for, one look at a time."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from chimera.sandbox.patches.ecs_tasks import ask_to_stop, new_task
from chimera.sandbox.world import Region, World

Json = dict[str, Any]
_KEEP_STOPPED_S = 600
_TRY_AGAIN_S = (0.2, 0.5, 1, 2, 5, 10)


class Scheduler:
    """Looks at all services; holds the world's lock while it does."""

    def __init__(self, world: World) -> None:
        self._world = world

    def tick(self) -> None:
        """Start and stop tasks, and bring counts and states up to date."""
        with self._world.lock:
            for region in self._world.regions.values():
                for service in region.ecs.services.values():
                    if service["status"] != "INACTIVE":
                        self._service(region, service)
                self._forget_stopped(region)

    def _service(self, region: Region, service: Json) -> None:
        tasks = _tasks(region, service)
        self._count_failures(service, tasks)
        primary = service["deployments"][0]
        for deployment in service["deployments"]:
            own = [one for one in tasks if one["startedBy"] == deployment["id"]]
            wanted = service["desiredCount"] if deployment is primary else 0
            if deployment is not primary and not _ready(service, tasks, primary):
                # The old tasks stay until the new ones can take over, unless all shall go.
                wanted = min(len(_going_on(own)), service["desiredCount"])
            self._scale(region, service, deployment, own, wanted)
            _count(deployment, own)
        service["runningCount"] = sum(one["runningCount"] for one in service["deployments"])
        service["pendingCount"] = sum(one["pendingCount"] for one in service["deployments"])
        self._settle(service, primary, tasks)
        if service["status"] == "DRAINING" and not tasks:
            service["status"] = "INACTIVE"
            service["deployments"] = []

    def _scale(
        self, region: Region, service: Json, deployment: Json, own: list[Json], wanted: int
    ) -> None:
        alive = _going_on(own)
        for task in alive[wanted:]:
            ask_to_stop(
                task,
                f"Scaling activity initiated by (deployment {deployment['id']})",
                "ServiceSchedulerInitiated",
            )
            _event(service, f"has stopped 1 running tasks: (task {task['_id']}).")
        missing = wanted - len(alive)
        if missing <= 0 or deployment["rolloutState"] == "FAILED":
            return
        failed = deployment["failedTasks"]
        pause_s = _TRY_AGAIN_S[min(failed, len(_TRY_AGAIN_S)) - 1] if failed else 0
        if time.time() - deployment.get("_failed_at", 0) < pause_s:
            return
        found = _definition(region, deployment["taskDefinition"])
        for _ in range(missing):
            network = service.get("networkConfiguration")
            tags = service["tags"] if service["propagateTags"] == "SERVICE" else []
            if service["propagateTags"] == "TASK_DEFINITION":
                tags = found.get("tags", [])
            task = new_task(
                self._world,
                region,
                service["clusterArn"],
                found,
                group=f"service:{service['serviceName']}",
                startedBy=deployment["id"],
                launchType=service.get("launchType", "FARGATE"),
                tags=list(tags),
                _network=network,
            )
            _event(service, f"has started 1 tasks: (task {task['_id']}).")

    def _count_failures(self, service: Json, tasks: list[Json]) -> None:
        for task in tasks:
            code = task.get("stopCode")
            natural = {None, "ServiceSchedulerInitiated", "UserInitiated"}
            if code in natural or task.get("_counted"):
                continue
            task["_counted"] = True
            for deployment in service["deployments"]:
                if deployment["id"] == task["startedBy"]:
                    deployment["failedTasks"] += 1
                    deployment["_failed_at"] = time.time()
            if code == "TaskFailedToStart":
                _event(
                    service,
                    f"was unable to place or start a task. Reason: "
                    f"{task['stoppedReason']} (task {task['_id']})",
                )
            else:
                _event(service, f"(task {task['_id']}) stopped: {task['stoppedReason']}")

    def _settle(self, service: Json, primary: Json, tasks: list[Json]) -> None:
        breaker = service["deploymentConfiguration"].get("deploymentCircuitBreaker", {})
        threshold = min(200, max(3, -(-service["desiredCount"] // 2)))
        done = (
            _ready(service, tasks, primary) and service["desiredCount"] == primary["runningCount"]
        )
        others = sum(
            one["runningCount"] + one["pendingCount"] for one in service["deployments"][1:]
        )
        if done and not others and primary["rolloutState"] == "IN_PROGRESS":
            primary["rolloutState"] = "COMPLETED"
            primary["rolloutStateReason"] = f"ECS deployment {primary['id']} completed."
            primary["updatedAt"] = time.time()
            del service["deployments"][1:]
            _event(service, f"(deployment {primary['id']}) deployment completed.")
            _event(service, "has reached a steady state.")
        elif primary["failedTasks"] >= threshold and primary["rolloutState"] == "IN_PROGRESS":
            if breaker.get("enable"):
                self._break(service, primary, rollback=bool(breaker.get("rollback")))
            elif not primary.get("_told"):
                primary["_told"] = True
                _event(
                    service,
                    "is unable to consistently start tasks successfully. For more "
                    "information, see the Troubleshooting section of the Amazon ECS Developer "
                    "Guide.",
                )

    def _break(self, service: Json, primary: Json, *, rollback: bool) -> None:
        primary["rolloutState"] = "FAILED"
        reason = "ECS deployment circuit breaker: tasks failed to start."
        primary["rolloutStateReason"] = reason
        _event(service, f"(deployment {primary['id']}) deployment failed: tasks failed to start.")
        if rollback and len(service["deployments"]) > 1:
            service["taskDefinition"] = service["deployments"][1]["taskDefinition"]
            primary["status"] = "ACTIVE"
            service["deployments"][1]["status"] = "PRIMARY"
            service["deployments"].reverse()

    def _forget_stopped(self, region: Region) -> None:
        limit = time.time() - _KEEP_STOPPED_S
        tasks = region.ecs.tasks
        for arn in [arn for arn, one in tasks.items() if one.get("stoppedAt", limit) < limit]:
            del tasks[arn]


def _tasks(region: Region, service: Json) -> list[Json]:
    """Return a service's tasks that are not yet gone, and those whose end is yet to be counted."""
    group = f"service:{service['serviceName']}"
    return [
        one
        for one in region.ecs.tasks.values()
        if one["group"] == group
        and one["clusterArn"] == service["clusterArn"]
        and (one["lastStatus"] != "STOPPED" or _uncounted(one))
    ]


def _uncounted(task: Json) -> bool:
    natural = {None, "ServiceSchedulerInitiated", "UserInitiated"}
    return task.get("stopCode") not in natural and not task.get("_counted")


def _going_on(tasks: list[Json]) -> list[Json]:
    return [one for one in tasks if one["desiredStatus"] == "RUNNING"]


def _ready(service: Json, tasks: list[Json], deployment: Json) -> bool:
    own = [one for one in tasks if one["startedBy"] == deployment["id"]]
    ready = sum(bool(one.get("_ready")) for one in _going_on(own))
    return ready >= int(service["desiredCount"])


def _count(deployment: Json, own: list[Json]) -> None:
    deployment["runningCount"] = sum(
        one["lastStatus"] == "RUNNING" and one["desiredStatus"] == "RUNNING" for one in own
    )
    waiting = {"PROVISIONING", "PENDING", "ACTIVATING"}
    deployment["pendingCount"] = sum(one["lastStatus"] in waiting for one in own)


def _definition(region: Region, arn: str) -> Json:
    family, _, revision = arn.rpartition("/")[2].partition(":")
    return region.ecs.families[family][int(revision)]


def _event(service: Json, what: str) -> None:
    message = f"(service {service['serviceName']}) {what}"
    service["events"].insert(0, {"id": str(uuid4()), "createdAt": time.time(), "message": message})
    del service["events"][100:]
