"""ECS: services. What they ask for is carried out by the plane's scheduler."""

from __future__ import annotations

import time
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches import ecs_checks
from chimera.sandbox.patches.ecs_common import (
    cluster,
    invalid,
    missing,
    new_id,
    service,
    short,
    tagged,
    usable_definition,
)
from chimera.sandbox.patches.registry import Call, answers, page

Json = dict[str, Any]
_CONFIGURATION: Json = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
}


@answers("ecs", "CreateService")
def create(call: Call) -> Json:
    """Create a service; the same request again returns it, another of its name is refused."""
    params = dict(call.params)
    inside = cluster(call)
    name = params["serviceName"]
    existing = call.ecs.services.get((inside["clusterName"], name))
    if existing and existing["status"] == "DRAINING":
        raise invalid("Unable to Start a service that is still Draining.")
    if existing and existing["status"] == "ACTIVE":
        if existing["_asked"] == params and params.get("clientToken"):
            return {"service": existing}
        raise invalid("Creation of service was not idempotent.")
    found = usable_definition(call, params.get("taskDefinition", ""))
    ecs_checks.check_service(call, params, found)
    record = _record(call, params, inside, found)
    call.ecs.services[inside["clusterName"], name] = record
    return {"service": record}


def _record(call: Call, params: Json, inside: Json, found: Json) -> Json:
    name = params["serviceName"]
    kept = {k: v for k, v in params.items() if k not in {"cluster", "clientToken", "role"}}
    if not params.get("capacityProviderStrategy"):
        kept.setdefault("launchType", "EC2")
    if kept.get("launchType") == "FARGATE":
        kept.setdefault("platformVersion", "LATEST")
        kept["platformFamily"] = "Linux"
    asked = params.get("deploymentConfiguration", {})
    record = {
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "propagateTags": "NONE",
        "tags": [],
        **kept,
        "deploymentConfiguration": {**_CONFIGURATION, **asked},
        "serviceArn": call.arn(f"service/{inside['clusterName']}/{name}"),
        "clusterArn": inside["clusterArn"],
        "status": "ACTIVE",
        "desiredCount": params.get("desiredCount", 0),
        "runningCount": 0,
        "pendingCount": 0,
        "taskDefinition": found["taskDefinitionArn"],
        "roleArn": call.world.arn(
            "iam", "", "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        ),
        "createdAt": time.time(),
        "createdBy": f"arn:aws:iam::{call.world.account}:user/practice",
        "events": [],
        "deployments": [],
        "_asked": params,
        "_region": call.region,
    }
    if record["loadBalancers"]:
        record.setdefault("healthCheckGracePeriodSeconds", 0)
    record["deployments"] = [new_deployment(record)]
    return record


def new_deployment(record: Json) -> Json:
    """Begin a deployment of a service as it is now."""
    number = int(new_id()[:15], 16)
    identity = f"ecs-svc/{number:019d}"[:27]
    copied = ("launchType", "platformVersion", "platformFamily", "networkConfiguration")
    return {
        "id": identity,
        "status": "PRIMARY",
        "taskDefinition": record["taskDefinition"],
        "desiredCount": record["desiredCount"],
        "runningCount": 0,
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": time.time(),
        "updatedAt": time.time(),
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {identity} in progress.",
        "capacityProviderStrategy": record.get("capacityProviderStrategy", []),
        **{name: record[name] for name in copied if name in record},
    }


@answers("ecs", "UpdateService")
def update(call: Call) -> Json:
    """Change a service; another definition, or force, begins a new deployment."""
    params = dict(call.params)
    record = service(call)
    if record["status"] != "ACTIVE":
        message = "Service was not ACTIVE."
        raise AwsError("ServiceNotActiveException", message)
    found = None
    if params.get("taskDefinition"):
        found = usable_definition(call, params["taskDefinition"])
    named = found or usable_definition_of(call, record)
    ecs_checks.check_service(call, {**record, **params, "loadBalancers": []}, named)
    kept = {
        k: v
        for k, v in params.items()
        if k not in {"cluster", "service", "taskDefinition", "forceNewDeployment"}
    }
    if "deploymentConfiguration" in kept:
        asked = kept.pop("deploymentConfiguration")
        record["deploymentConfiguration"] = {**record["deploymentConfiguration"], **asked}
    record.update(kept)
    renewing = params.get("forceNewDeployment") or set(kept) & {
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
        "platformVersion",
        "capacityProviderStrategy",
    }
    if found and found["taskDefinitionArn"] != record["taskDefinition"]:
        record["taskDefinition"] = found["taskDefinitionArn"]
        renewing = True
    if renewing:
        for old in record["deployments"]:
            old["status"] = "ACTIVE"
        record["deployments"].insert(0, new_deployment(record))
    record["deployments"][0].update(desiredCount=record["desiredCount"], updatedAt=time.time())
    return {"service": record}


def usable_definition_of(call: Call, record: Json) -> Json:
    """Return the definition a service uses, which may be inactive by now."""
    family, _, revision = short(record["taskDefinition"]).partition(":")
    return call.ecs.families.get(family, {}).get(int(revision), {"containerDefinitions": []})


@answers("ecs", "DeleteService")
def delete(call: Call) -> Json:
    """Let a service drain; it must be scaled to 0 first, unless forced."""
    record = service(call)
    if record["status"] == "INACTIVE":
        raise AwsError("ServiceNotFoundException", "Service not found.")
    if record["desiredCount"] > 0 and not call.params.get("force"):
        raise invalid("The service cannot be stopped while it is scaled above 0.")
    record["status"] = "DRAINING"
    record["desiredCount"] = 0
    for deployment in record["deployments"]:
        deployment["desiredCount"] = 0
    return {"service": record}


@answers("ecs", "DescribeServices")
def describe(call: Call) -> Json:
    """Describe up to ten services; inactive ones too, unknown ones are failures."""
    inside = cluster(call)
    names = call.params["services"]
    if not names:
        raise invalid("Services cannot be empty.")
    if len(names) > 10:
        raise invalid("Services can have at most 10 items.")
    found, failures = [], []
    for name in names:
        record = call.ecs.services.get((inside["clusterName"], short(name)))
        if record is None:
            arn = call.arn(f"service/{inside['clusterName']}/{short(name)}")
            failures.append(missing(arn))
        else:
            found.append(tagged(record, call))
    return {"services": found, "failures": failures}


@answers("ecs", "ListServices")
def list_services(call: Call) -> Json:
    """List the ARNs of a cluster's services, draining ones too."""
    inside = cluster(call)
    launch, strategy = call.params.get("launchType"), call.params.get("schedulingStrategy")
    arns = [
        record["serviceArn"]
        for (name, _), record in sorted(call.ecs.services.items())
        if name == inside["clusterName"]
        and record["status"] != "INACTIVE"
        and launch in {None, record.get("launchType")}
        and strategy in {None, record["schedulingStrategy"]}
    ]
    return page(call, arns, into="serviceArns", size=10)
