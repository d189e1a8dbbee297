"""Cloud Map: instances, how they are found, and what is known of their health."""

from __future__ import annotations

import re
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.cloudmap import find_service, instances_of, operation, service_of
from chimera.sandbox.patches.registry import Call, answers, page
from chimera.sandbox.world import CloudMap

Json = dict[str, Any]


@answers("servicediscovery", "RegisterInstance")
def register_instance(call: Call) -> Json:
    """Register an instance, or change its attributes."""
    found = service_of(call, call.params["ServiceId"])
    name = call.params["InstanceId"]
    if not re.fullmatch(r"[0-9a-zA-Z_/:.@-]{1,64}", name):
        raise AwsError("InvalidInput", f"invalid instance id {name}")
    attributes = call.params["Attributes"]
    register(call.cloudmap, found["Id"], name, attributes)
    return operation(call, "REGISTER_INSTANCE", {"SERVICE": found["Id"], "INSTANCE": name})


def register(cloudmap: CloudMap, service: str, name: str, attributes: Json) -> None:
    """Add an instance; AWS_INIT_HEALTH_STATUS says what its health is at first."""
    kept = dict(attributes)
    health = kept.pop("AWS_INIT_HEALTH_STATUS", "HEALTHY")
    cloudmap.instances[service, name] = {"Id": name, "Attributes": kept, "_health": health}


@answers("servicediscovery", "DeregisterInstance")
def deregister_instance(call: Call) -> Json:
    """Remove an instance."""
    found = service_of(call, call.params["ServiceId"])
    name = call.params["InstanceId"]
    if call.cloudmap.instances.pop((found["Id"], name), None) is None:
        raise AwsError("InstanceNotFound", f"Instance not found: {name}")
    return operation(call, "DEREGISTER_INSTANCE", {"SERVICE": found["Id"], "INSTANCE": name})


@answers("servicediscovery", "ListInstances")
def listinstances_of(call: Call) -> Json:
    """List a service's instances."""
    found = service_of(call, call.params["ServiceId"])
    return page(call, list(instances_of(call.cloudmap, found["Id"]).values()), into="Instances")


@answers("servicediscovery", "GetInstance")
def get_instance(call: Call) -> Json:
    """Describe an instance."""
    found = service_of(call, call.params["ServiceId"])
    instance = call.cloudmap.instances.get((found["Id"], call.params["InstanceId"]))
    if instance is None:
        raise AwsError("InstanceNotFound", "Instance not found")
    return {"Instance": instance}


@answers("servicediscovery", "GetInstancesHealthStatus")
def get_health(call: Call) -> Json:
    """Tell the health of a service's instances, by id."""
    found = service_of(call, call.params["ServiceId"])
    all_of_it = instances_of(call.cloudmap, found["Id"])
    wanted = call.params.get("Instances") or sorted(all_of_it)
    for name in wanted:
        if name not in all_of_it:
            raise AwsError("InstanceNotFound", f"Instance not found: {name}")
    cut = page(call, wanted, into="Names")
    status = {name: all_of_it[name]["_health"] for name in cut.pop("Names")}
    return {"Status": status, **cut}


@answers("servicediscovery", "UpdateInstanceCustomHealthStatus")
def update_health(call: Call) -> Json:
    """Set the health of an instance whose service has a custom check."""
    found = service_of(call, call.params["ServiceId"])
    if "HealthCheckCustomConfig" not in found:
        message = "The service has no custom health check."
        raise AwsError("CustomHealthNotFound", message)
    instance = call.cloudmap.instances.get((found["Id"], call.params["InstanceId"]))
    if instance is None:
        raise AwsError("InstanceNotFound", "Instance not found")
    instance["_health"] = call.params["Status"]
    return {}


@answers("servicediscovery", "DiscoverInstances")
def discoverinstances_of(call: Call) -> Json:
    """Find instances by names, attributes and health."""
    params = call.params
    service = find_service(call.cloudmap, params["NamespaceName"], params["ServiceName"])
    if service is None:
        raise AwsError("ServiceNotFound", "Service not found")
    status = params.get("HealthStatus", "ALL")
    asked = params.get("QueryParameters", {}).items()
    found = [
        {
            "InstanceId": name,
            "NamespaceName": params["NamespaceName"],
            "ServiceName": params["ServiceName"],
            "HealthStatus": one["_health"],
            "Attributes": one["Attributes"],
        }
        for name, one in instances_of(call.cloudmap, service["Id"]).items()
        if asked <= one["Attributes"].items() and status in {"ALL", one["_health"]}
    ]
    return {"Instances": found, "InstancesRevision": len(found)}
