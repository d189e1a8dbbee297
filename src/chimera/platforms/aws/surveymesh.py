"""The meshes of an account: routers, routes and virtual nodes, and Cloud Map beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws import routes
from chimera.platforms.aws.cloudmap import FAMILY, SERVICE_NAME, registry_of
from chimera.platforms.aws.containers import envoy_of
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.nodes import by_dns
from chimera.platforms.aws.sidecar import RESOURCE, RESOURCE_BEFORE
from chimera.platforms.aws.survey import Survey

_MINE = "one account's mesh cannot be steered from another: use the account that owns it"


@dataclass(frozen=True, slots=True)
class Way:
    """A route that Chimera could steer, and the virtual node that it leads to."""

    mesh: str
    router: str
    route: str
    node: str


class Meshes:
    """What was found of App Mesh; services are judged by it."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._appmesh = survey.account.appmesh
        self.ways: list[Way] = []

    async def look(self) -> None:
        """Note every mesh with its routers, routes and nodes."""
        for one in await self._survey.pages("mesh", self._appmesh.list_meshes, "meshes"):
            name = str(one["meshName"])
            foreign = one["meshOwner"] != one["resourceOwner"]
            why = f"it belongs to account {one['meshOwner']}" if foreign else ""
            self._survey.add("mesh", name, why=why, hint=_MINE if why else "")
            routers = await self._survey.pages(
                "virtual router",
                self._appmesh.list_virtual_routers,
                "virtualRouters",
                meshName=name,
            )
            for router in routers:
                await self._router(name, str(router["virtualRouterName"]), why)
            await self._nodes(name, why)

    async def _router(self, mesh: str, router: str, why: str) -> None:
        place = {"meshName": mesh, "virtualRouterName": router}
        listed = await self._survey.pages("route", self._appmesh.list_routes, "routes", **place)
        known = listed or self._survey.hidden("route")
        reason = why or ("" if known else "it has no routes")
        self._survey.add("virtual router", router, mesh, reason, hint=_MINE if why else "")
        for one in listed:
            name = str(one["routeName"])
            answer = await self._survey.one(
                "route", name, self._appmesh.describe_route, routeName=name, **place
            )
            if answer is not None:
                self._route(mesh, router, name, answer["route"]["spec"], why)

    def _route(self, mesh: str, router: str, name: str, spec: Mapping[str, Any], why: str) -> None:
        found, hint = routes.targets(spec), _MINE if why else ""
        if spec.get("tcpRoute") and not why:
            why, hint = "it is of TCP: nothing counts its failures", "make it a route of HTTP"
        if not found and not why:
            why, hint = "it has no weighted targets", "give it one virtual node as its target"
        if len(found) > 1 and not why:
            why, hint = "its traffic is divided already", "leave it one target"
        leads = {"leads to": ", ".join(f"{one.node} {one.weight}" for one in found)}
        self._survey.add("route", name, f"{mesh}/{router}", why, hint=hint, facts=leads)
        if not why:
            self.ways.append(Way(mesh, router, name, found[0].node))

    async def _nodes(self, mesh: str, why: str) -> None:
        appmesh, routed = self._appmesh, {way.node for way in self.ways if way.mesh == mesh}
        listed = await self._survey.pages(
            "virtual node", appmesh.list_virtual_nodes, "virtualNodes", meshName=mesh
        )
        for one in listed:
            name = str(one["virtualNodeName"])
            reason, hint = why, _MINE if why else ""
            if not why and name not in routed:
                reason = "no route that can be steered leads to it"
            elif not why:
                answer = await self._survey.one(
                    "virtual node",
                    name,
                    appmesh.describe_virtual_node,
                    meshName=mesh,
                    virtualNodeName=name,
                )
                if answer is None:
                    continue
                reason, hint = _unfit(answer["virtualNode"]["spec"])
            self._survey.add("virtual node", name, mesh, reason, hint=hint)

    def settings(self, service: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, str]:
        """Return an ECS service's mesh, router and route; ProviderRefused if they are unclear."""
        if not registry_of(service):
            hint = "App Mesh finds tasks there: give the service a service registry"
            raise _unclear("it is not registered in Cloud Map", hint)
        place, told = _node_of(definition)
        fits = [way for way in self.ways if (way.mesh, way.node) == place]
        if not told:
            fits = [way for way in self.ways if _named(way.node, str(service["serviceName"]))]
        if len(fits) != 1:
            node = f"its virtual node '{place[1]}'" if told else "a virtual node named after it"
            hint = "write target.mesh, virtualRouter and route yourself"
            raise _unclear(f"{len(fits)} routes lead to {node}, and one must", hint)
        return {"mesh": fits[0].mesh, "virtualRouter": fits[0].router, "route": fits[0].route}


def _node_of(definition: Mapping[str, Any]) -> tuple[tuple[str, str], bool]:
    """Return mesh and node that a task's Envoy is told, and whether it is told any."""
    envoy = envoy_of(definition)
    for container in definition["containerDefinitions"]:
        if container["name"] != envoy:
            continue
        told = {v["name"]: str(v.get("value", "")) for v in container.get("environment") or ()}
        path = told.get(RESOURCE) or told.get(RESOURCE_BEFORE) or ""
        _, slash, rest = path.rpartition("mesh/")
        mesh, kind, node = (*rest.split("/"), "", "")[:3]
        if slash and kind == "virtualNode":
            return (mesh, node), True
    return ("", ""), False


def _named(node: str, service: str) -> bool:
    return node == service or node.startswith(f"{service}-")


def _unfit(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Say why a node cannot have a canary beside it, and what to do; ("", "") if it can."""
    if by_dns(spec):
        return "", ""
    found = (spec.get("serviceDiscovery") or {}).get("awsCloudMap")
    if not found:
        return "it has no service discovery", "give it service discovery by Cloud Map"
    keys = {str(one["key"]) for one in found.get("attributes") or ()}
    if not keys & {FAMILY, SERVICE_NAME}:
        return "it takes every task of its Cloud Map service", f"add the attribute {FAMILY}"
    return "", ""


def _unclear(reason: str, hint: str) -> ProviderRefused:
    return ProviderRefused(PROVIDER, "discover", reason, hint=hint)


async def look_cloud_map(survey: Survey, registered: set[str]) -> None:
    """Note Cloud Map's namespaces and services. registered: those that ECS services use, by id."""
    discovery = survey.account.servicediscovery
    spaces = await survey.pages("Cloud Map namespace", discovery.list_namespaces, "Namespaces")
    for one in spaces:
        why = "" if one.get("ServiceCount", 1) else "it has no services"
        facts = {"type": str(one["Type"]), "id": str(one["Id"])}
        survey.add("Cloud Map namespace", str(one["Name"]), why=why, facts=facts)
    for one in await survey.pages("Cloud Map service", discovery.list_services, "Services"):
        why = "" if str(one["Id"]) in registered else "no ECS service registers its tasks in it"
        facts = {"id": str(one["Id"]), "instances": str(one.get("InstanceCount", 0))}
        survey.add("Cloud Map service", str(one["Name"]), why=why, facts=facts)
