"""Cloud Map: namespaces, services, instances and what is known of their health."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.registry import Call, answers, merged_tags, page
from chimera.sandbox.world import CloudMap

Json = dict[str, Any]


def _identity(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:16]}"


def operation(call: Call, kind: str, targets: Json) -> Json:
    """Record an operation that has succeeded at once, and return its id."""
    identity = uuid4().hex
    call.cloudmap.operations[identity] = {
        "Id": identity,
        "Type": kind,
        "Status": "SUCCESS",
        "CreateDate": time.time(),
        "UpdateDate": time.time(),
        "Targets": targets,
    }
    return {"OperationId": identity}


@answers(
    "servicediscovery",
    "CreatePrivateDnsNamespace",
    "CreatePublicDnsNamespace",
    "CreateHttpNamespace",
)
def create_namespace(call: Call) -> Json:
    """Create a namespace; its name must be free."""
    name = call.params["Name"]
    for existing in call.cloudmap.namespaces.values():
        if existing["Name"] == name:
            raise AwsError("NamespaceAlreadyExists", f"The namespace {name} already exists.")
    identity = _identity("ns")
    kind = {"CreatePrivateDnsNamespace": "DNS_PRIVATE", "CreatePublicDnsNamespace": "DNS_PUBLIC"}
    arn = call.arn(f"namespace/{identity}")
    call.cloudmap.namespaces[identity] = {
        "Id": identity,
        "Arn": arn,
        "Name": name,
        "Type": kind.get(call.action, "HTTP"),
        "Description": call.params.get("Description", ""),
        "CreateDate": time.time(),
        "CreatorRequestId": call.params.get("CreatorRequestId", uuid4().hex),
        "Properties": {"HttpProperties": {"HttpName": name}},
    }
    call.cloudmap.tags[arn] = list(call.params.get("Tags", ()))
    return operation(call, "CREATE_NAMESPACE", {"NAMESPACE": identity})


@answers("servicediscovery", "GetOperation")
def get_operation(call: Call) -> Json:
    """Describe an operation; here every one succeeds at once."""
    found = call.cloudmap.operations.get(call.params["OperationId"])
    if found is None:
        raise AwsError("OperationNotFound", "The operation does not exist.")
    return {"Operation": found}


def _namespace(call: Call, identity: str) -> Json:
    found = call.cloudmap.namespaces.get(identity.rpartition("/")[2])
    if found is None:
        raise AwsError("NamespaceNotFound", f"Namespace not found: {identity}")
    return found


def service_of(call: Call, identity: str) -> Json:
    """Find a service by id or ARN. Raises AwsError."""
    found = call.cloudmap.services.get(identity.rpartition("/")[2])
    if found is None:
        raise AwsError("ServiceNotFound", f"Service not found: {identity}")
    return found


@answers("servicediscovery", "GetNamespace")
def get_namespace(call: Call) -> Json:
    """Describe a namespace."""
    found = _namespace(call, call.params["Id"])
    return {"Namespace": {**found, "ServiceCount": len(_services_in(call.cloudmap, found["Id"]))}}


@answers("servicediscovery", "DeleteNamespace")
def delete_namespace(call: Call) -> Json:
    """Delete a namespace without services."""
    found = _namespace(call, call.params["Id"])
    if _services_in(call.cloudmap, found["Id"]):
        raise AwsError("ResourceInUse", "The namespace contains services.")
    del call.cloudmap.namespaces[found["Id"]]
    return operation(call, "DELETE_NAMESPACE", {"NAMESPACE": found["Id"]})


def _services_in(cloudmap: CloudMap, namespace: str) -> list[Json]:
    return [one for one in cloudmap.services.values() if one["NamespaceId"] == namespace]


@answers("servicediscovery", "ListNamespaces")
def list_namespaces(call: Call) -> Json:
    """List namespaces, filtered by type and name."""
    found = _filtered(call, list(call.cloudmap.namespaces.values()))
    return page(call, found, into="Namespaces")


def _filtered(call: Call, records: list[Json]) -> list[Json]:
    names = {"TYPE": "Type", "NAME": "Name", "NAMESPACE_ID": "NamespaceId"}
    for wanted in call.params.get("Filters", ()):
        field, values = names.get(wanted["Name"], wanted["Name"]), wanted["Values"]
        records = [one for one in records if one.get(field) in values]
    return records


@answers("servicediscovery", "CreateService")
def create_service(call: Call) -> Json:
    """Create a service in a namespace; its name must be free there."""
    params = call.params
    namespace = params.get("NamespaceId") or params.get("DnsConfig", {}).get("NamespaceId", "")
    inside = _namespace(call, namespace)
    for existing in _services_in(call.cloudmap, inside["Id"]):
        if existing["Name"].lower() == params["Name"].lower():
            raise AwsError("ServiceAlreadyExists", "A service of that name already exists.")
    identity = _identity("srv")
    record = {
        **{k: v for k, v in params.items() if k not in {"Tags", "CreatorRequestId"}},
        "Id": identity,
        "Arn": call.arn(f"service/{identity}"),
        "NamespaceId": inside["Id"],
        "Type": params.get("Type") or ("DNS_HTTP" if "DnsConfig" in params else "HTTP"),
        "CreateDate": time.time(),
        "CreatorRequestId": params.get("CreatorRequestId", uuid4().hex),
    }
    call.cloudmap.services[identity] = record
    call.cloudmap.tags[record["Arn"]] = list(params.get("Tags", ()))
    return {"Service": record}


@answers("servicediscovery", "GetService")
def get_service(call: Call) -> Json:
    """Describe a service."""
    found = service_of(call, call.params["Id"])
    return {"Service": {**found, "InstanceCount": len(instances_of(call.cloudmap, found["Id"]))}}


@answers("servicediscovery", "ListServices")
def list_services(call: Call) -> Json:
    """List services, filtered by namespace."""
    return page(call, _filtered(call, list(call.cloudmap.services.values())), into="Services")


@answers("servicediscovery", "UpdateService")
def update_service(call: Call) -> Json:
    """Change a service."""
    found = service_of(call, call.params["Id"])
    found.update(call.params["Service"])
    return operation(call, "UPDATE_SERVICE", {"SERVICE": found["Id"]})


@answers("servicediscovery", "DeleteService")
def delete_service(call: Call) -> Json:
    """Delete a service without instances."""
    found = service_of(call, call.params["Id"])
    if instances_of(call.cloudmap, found["Id"]):
        raise AwsError(
            "ResourceInUse",
            "Service contains registered instances; delete the "
            "instances before deleting the service.",
        )
    del call.cloudmap.services[found["Id"]]
    return {}


def instances_of(cloudmap: CloudMap, service: str) -> dict[str, Json]:
    """Return a service's instances by id."""
    return {name: one for (inside, name), one in cloudmap.instances.items() if inside == service}


def find_service(cloudmap: CloudMap, namespace: str, name: str) -> Json | None:
    """Find a service by its namespace's name and its own."""
    for service in cloudmap.services.values():
        inside = cloudmap.namespaces.get(service["NamespaceId"], {})
        if inside.get("Name") == namespace and service["Name"] == name:
            return service
    return None


@answers("servicediscovery", "TagResource")
def tag_resource(call: Call) -> Json:
    """Add tags."""
    arn = call.params["ResourceARN"]
    old = call.cloudmap.tags.get(arn, ())
    call.cloudmap.tags[arn] = merged_tags(old, call.params["Tags"], "Key")
    return {}


@answers("servicediscovery", "UntagResource")
def untag_resource(call: Call) -> Json:
    """Remove tags."""
    arn, gone = call.params["ResourceARN"], set(call.params["TagKeys"])
    kept = [tag for tag in call.cloudmap.tags.get(arn, ()) if tag["Key"] not in gone]
    call.cloudmap.tags[arn] = kept
    return {}


@answers("servicediscovery", "ListTagsForResource")
def list_tags(call: Call) -> Json:
    """List a resource's tags."""
    return {"Tags": call.cloudmap.tags.get(call.params["ResourceARN"], [])}
