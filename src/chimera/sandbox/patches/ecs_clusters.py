"""ECS: clusters, tags, account settings."""

from __future__ import annotations

from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.ecs_common import cluster, invalid, missing, short
from chimera.sandbox.patches.registry import Call, answers, merged_tags, page

Json = dict[str, Any]


@answers("ecs", "CreateCluster")
def create_cluster(call: Call) -> Json:
    """Create a cluster; an existing one of that name is returned, as ECS does."""
    name = call.params.get("clusterName") or "default"
    existing = call.ecs.clusters.get(name)
    if existing is None or existing["status"] == "INACTIVE":
        call.ecs.clusters[name] = {
            "clusterArn": call.arn(f"cluster/{name}"),
            "clusterName": name,
            "status": "ACTIVE",
            "settings": [{"name": "containerInsights", "value": "disabled"}],
            "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
            "tags": [],
            **call.params,
        }
    return {"cluster": _counted(call, call.ecs.clusters[name])}


def _counted(call: Call, record: Json) -> Json:
    name = record["clusterName"]
    tasks = [one for one in call.ecs.tasks.values() if one["clusterArn"] == record["clusterArn"]]
    services = [one for (inside, _), one in call.ecs.services.items() if inside == name]
    return {
        **record,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(one["lastStatus"] == "RUNNING" for one in tasks),
        "pendingTasksCount": sum(
            one["lastStatus"] in {"PROVISIONING", "PENDING", "ACTIVATING"} for one in tasks
        ),
        "activeServicesCount": sum(one["status"] == "ACTIVE" for one in services),
    }


@answers("ecs", "DescribeClusters")
def describe_clusters(call: Call) -> Json:
    """Describe clusters; unknown ones are failures, not an error."""
    found, failures = [], []
    for name in call.params.get("clusters") or ["default"]:
        record = call.ecs.clusters.get(short(name))
        if record is None:
            failures.append(missing(call.arn(f"cluster/{short(name)}")))
            continue
        counted = _counted(call, record)
        wanted = set(call.params.get("include", ()))
        hidden = {
            "tags": "TAGS",
            "settings": "SETTINGS",
            "configuration": "CONFIGURATIONS",
        }
        found.append({k: v for k, v in counted.items() if k not in hidden or hidden[k] in wanted})
    return {"clusters": found, "failures": failures}


@answers("ecs", "ListClusters")
def list_clusters(call: Call) -> Json:
    """List the clusters' ARNs."""
    arns = [one["clusterArn"] for one in call.ecs.clusters.values() if one["status"] == "ACTIVE"]
    return page(call, arns, into="clusterArns")


@answers("ecs", "DeleteCluster")
def delete_cluster(call: Call) -> Json:
    """Delete a cluster that holds neither services nor tasks."""
    record = cluster(call)
    counted = _counted(call, record)
    if counted["activeServicesCount"]:
        message = "The Cluster cannot be deleted while Services are active."
        raise AwsError("ClusterContainsServicesException", message)
    if counted["runningTasksCount"] + counted["pendingTasksCount"]:
        message = "The Cluster cannot be deleted while Tasks are active."
        raise AwsError("ClusterContainsTasksException", message)
    record["status"] = "INACTIVE"
    return {"cluster": counted | {"status": "INACTIVE"}}


@answers("ecs", "PutClusterCapacityProviders", "UpdateCluster", "UpdateClusterSettings")
def update_cluster(call: Call) -> Json:
    """Change what a cluster says about itself."""
    record = cluster(call)
    record.update({name: value for name, value in call.params.items() if name != "cluster"})
    return {"cluster": _counted(call, record)}


@answers("ecs", "DescribeCapacityProviders")
def describe_capacity_providers(call: Call) -> Json:
    """Describe the two providers that every cluster can use."""
    known = [
        {
            "name": name,
            "status": "ACTIVE",
            "capacityProviderArn": call.arn(f"capacity-provider/{name}"),
        }
        for name in ("FARGATE", "FARGATE_SPOT")
    ]
    wanted = [short(name) for name in call.params.get("capacityProviders", ())]
    return {"capacityProviders": [one for one in known if not wanted or one["name"] in wanted]}


@answers("ecs", "ListAccountSettings")
def list_account_settings(call: Call) -> Json:
    """Say that long ARNs are on, as they are in every account of today."""
    names = ("serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat")
    wanted = call.params.get("name")
    kept = [{"name": name, "value": "enabled"} for name in names if wanted in {None, name}]
    return {"settings": kept}


def _resource(call: Call) -> Json:
    arn = call.params["resourceArn"]
    ecs = call.ecs
    for record in (*ecs.clusters.values(), *ecs.services.values(), *ecs.tasks.values()):
        if arn in {record.get("serviceArn"), record.get("taskArn")}:
            return record
        if "clusterName" in record and arn == record["clusterArn"]:
            return record
    for revisions in ecs.families.values():
        for record in revisions.values():
            if record["taskDefinitionArn"] == arn:
                return record
    raise invalid("The specified resource is not found.")


@answers("ecs", "TagResource")
def tag_resource(call: Call) -> Json:
    """Add tags."""
    record = _resource(call)
    record["tags"] = merged_tags(record.get("tags", ()), call.params["tags"])
    return {}


@answers("ecs", "UntagResource")
def untag_resource(call: Call) -> Json:
    """Remove tags."""
    record = _resource(call)
    gone = set(call.params["tagKeys"])
    record["tags"] = [tag for tag in record.get("tags", ()) if tag["key"] not in gone]
    return {}


@answers("ecs", "ListTagsForResource")
def list_tags(call: Call) -> Json:
    """List a resource's tags."""
    return {"tags": list(_resource(call).get("tags", ()))}
