"""AWS Cloud Map: which tasks App Mesh can find, and a name of its own for a version by DNS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws import letting
from chimera.platforms.aws.errors import PROVIDER, caused_by, is_absent
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.naming import ecs_tags, token
from chimera.platforms.aws.shapes import fitted

FAMILY = "ECS_TASK_DEFINITION_FAMILY"
SERVICE_NAME = "ECS_SERVICE_NAME"
_LONGEST_LABEL = 63


def registry_of(service: Mapping[str, Any]) -> str:
    """Return the id of the Cloud Map service that an ECS service registers its tasks in, or ""."""
    registries = service.get("serviceRegistries") or ()
    return str(registries[0]["registryArn"]).rpartition("/")[2] if registries else ""


def label(name: str) -> str:
    """Return a name as DNS takes it; the end, which tells versions apart, is kept."""
    name = name.lower()
    if len(name) <= _LONGEST_LABEL:
        return name
    return f"{name[: _LONGEST_LABEL - 7].rstrip('-')}-{name[-6:]}"


async def healthy(site: Site, registry: str, family: str) -> tuple[int, str]:
    """Return how many tasks of a family are registered and not unhealthy, and what the rest say."""
    discovery = site.account.servicediscovery
    instances = await site.account.pages(discovery.list_instances, "Instances", ServiceId=registry)
    ids = [
        str(instance["Id"])
        for instance in instances
        if (instance.get("Attributes") or {}).get(FAMILY, family) == family
    ]
    if not ids:
        return 0, "none is registered in Cloud Map"
    health = await _health(site, registry)
    bad = [one for one in ids if health.get(one) == "UNHEALTHY"]
    return len(ids) - len(bad), f"{len(bad)} unhealthy in Cloud Map" if bad else ""


async def _health(site: Site, registry: str) -> dict[str, str]:
    """Return what Cloud Map knows of its instances' health; there is no paginator for it."""
    found: dict[str, str] = {}
    page: dict[str, Any] = {}
    while True:
        try:
            answer = await site.account.call(
                site.account.servicediscovery.get_instances_health_status,
                ServiceId=registry,
                **page,
            )
        except ProviderRefused as error:
            # A service without health checks, or whose instances just went.
            if caused_by(error, "InvalidInput") or is_absent(error):
                return found
            raise
        found.update(answer.get("Status") or {})
        if not answer.get("NextToken"):
            return found
        page = {"NextToken": answer["NextToken"]}


async def describe(site: Site, registry: str) -> dict[str, Any]:
    """Return a Cloud Map service, with its namespace's name under `NamespaceName`."""
    discovery = site.account.servicediscovery
    service = (await site.account.call(discovery.get_service, Id=registry))["Service"]
    answer = await site.account.call(discovery.get_namespace, Id=service["NamespaceId"])
    return {**service, "NamespaceName": answer["Namespace"]["Name"]}


async def find(site: Site, namespace: str, name: str) -> str:
    """Return the ARN of a namespace's service, "" if there is none of that name."""
    discovery = site.account.servicediscovery
    filters = [{"Name": "NAMESPACE_ID", "Values": [namespace]}]
    found = await site.account.pages(discovery.list_services, "Services", Filters=filters)
    return next((str(one["Arn"]) for one in found if one["Name"] == name), "")


async def clone(site: Site, like: dict[str, Any], name: str, tags: Mapping[str, str]) -> str:
    """Make a Cloud Map service like another one; return its ARN."""
    found = await find(site, like["NamespaceId"], name)
    if found:
        return found
    discovery = site.account.servicediscovery
    request = fitted(discovery, "CreateService", like)
    request.pop("HealthCheckConfig", None)
    # GetService tells "DNS_HTTP" too, of which CreateService knows nothing.
    if request.get("Type") != "HTTP":
        request.pop("Type", None)
    if request.get("DnsConfig"):
        request["DnsConfig"].pop("NamespaceId", None)
    request.update(
        Name=name,
        NamespaceId=like["NamespaceId"],
        CreatorRequestId=token("cloudmap", name),
        Tags=[{"Key": tag["key"], "Value": tag["value"]} for tag in ecs_tags(tags)],
    )
    answer = await site.account.call(discovery.create_service, **request)
    return str(answer["Service"]["Arn"])


async def remove(site: Site, namespace: str, name: str) -> None:
    """Delete a namespace's service, once its tasks have left it; gone is fine."""
    arn = await find(site, namespace, name)
    if not arn:
        return
    call = site.account.servicediscovery.delete_service
    await letting.delete(lambda: site.account.call(call, Id=arn.rpartition("/")[2]))


def refuse_absent(service: Mapping[str, Any]) -> None:
    """Refuse an ECS service whose tasks nothing can find."""
    if not registry_of(service):
        reason = f"ECS service '{service['serviceName']}' is not registered in Cloud Map"
        hint = "give it a service registry: App Mesh finds a version's tasks there"
        raise ProviderRefused(PROVIDER, "read the service", reason, hint=hint)
