"""App Mesh: what a spec must satisfy, and what may not be deleted yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.registry import Call

Json = dict[str, Any]
_ROUTES = ("httpRoute", "http2Route", "grpcRoute", "tcpRoute")


def anything(_call: Call, _: Json) -> None:
    """Accept."""


def must_exist(call: Call, kind: str, *names: str) -> Json:
    """Return a resource. Raises AwsError NotFoundException."""
    found = call.mesh.resources.get((kind, *names))
    if found is None:
        message = f"{kind} {names[-1]} does not exist."
        raise AwsError("NotFoundException", message, 404)
    return found


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def _in_use(kind: str, name: str, user: str) -> AwsError:
    message = f"{kind} {name} is in use by {user} and cannot be deleted."
    return AwsError("ResourceInUseException", message, 409)


def targets(spec: Json) -> list[Json]:
    """Return the weighted targets of a route's spec, whatever its protocol."""
    for kind in _ROUTES:
        if kind in spec:
            return list(spec[kind].get("action", {}).get("weightedTargets", ()))
    return []


def route_is_valid(call: Call, spec: Json) -> None:
    """Check a route: one protocol, 1 to 10 targets that exist, weights from 0 to 100."""
    given = [kind for kind in _ROUTES if kind in spec]
    if len(given) != 1:
        raise _bad("spec must have exactly one of httpRoute, http2Route, grpcRoute, tcpRoute.")
    weighted = targets(spec)
    if not 1 <= len(weighted) <= 10:
        raise _bad("weightedTargets must have from 1 to 10 members.")
    priority = spec.get("priority")
    if priority is not None and not 0 <= priority <= 1000:
        raise _bad("priority must be from 0 to 1000.")
    names = [one["virtualNode"] for one in weighted]
    if len(set(names)) != len(names):
        raise _bad("weightedTargets must not name a virtual node twice.")
    for one in weighted:
        if not 0 <= one["weight"] <= 100:
            raise _bad(f"weight {one['weight']} must be from 0 to 100.")
        must_exist(call, "virtualNode", call.params["meshName"], one["virtualNode"])


def node_is_valid(_call: Call, spec: Json) -> None:
    """Check a virtual node: one listener at most, one way of discovery."""
    if len(spec.get("listeners", ())) > 1:
        raise _bad("listeners must have at most 1 member.")
    discovery = spec.get("serviceDiscovery", {})
    if len(discovery) > 1:
        raise _bad("serviceDiscovery must have one of dns and awsCloudMap.")
    if spec.get("listeners") and not discovery:
        raise _bad("serviceDiscovery is required for a virtual node with listeners.")


def provider_exists(call: Call, spec: Json) -> None:
    """Check that a virtual service's provider exists."""
    provider = spec.get("provider", {})
    mesh = call.params["meshName"]
    if "virtualNode" in provider:
        must_exist(call, "virtualNode", mesh, provider["virtualNode"]["virtualNodeName"])
    if "virtualRouter" in provider:
        must_exist(call, "virtualRouter", mesh, provider["virtualRouter"]["virtualRouterName"])


def _inside(call: Call, kind: str, mesh: str) -> Iterator[Json]:
    for place, record in call.mesh.resources.items():
        if place[0] == kind and place[1] == mesh:
            yield record


def node_is_unused(call: Call, node: Json) -> None:
    """Refuse to delete a node that a route or a virtual service points at."""
    name, mesh = node["virtualNodeName"], node["meshName"]
    for route in _inside(call, "route", mesh):
        if any(one["virtualNode"] == name for one in targets(route["spec"])):
            raise _in_use("virtualNode", name, f"route {route['routeName']}")
    for service in _inside(call, "virtualService", mesh):
        provider = service["spec"].get("provider", {}).get("virtualNode", {})
        if provider.get("virtualNodeName") == name:
            raise _in_use("virtualNode", name, f"virtualService {service['virtualServiceName']}")


def router_is_unused(call: Call, router: Json) -> None:
    """Refuse to delete a router that has routes or that provides a virtual service."""
    name, mesh = router["virtualRouterName"], router["meshName"]
    for route in _inside(call, "route", mesh):
        if route["virtualRouterName"] == name:
            raise _in_use("virtualRouter", name, f"route {route['routeName']}")
    for service in _inside(call, "virtualService", mesh):
        provider = service["spec"].get("provider", {}).get("virtualRouter", {})
        if provider.get("virtualRouterName") == name:
            raise _in_use("virtualRouter", name, f"virtualService {service['virtualServiceName']}")


def service_is_unused(call: Call, service: Json) -> None:
    """Refuse to delete a virtual service that a gateway route points at."""
    name = service["virtualServiceName"]
    for route in _inside(call, "gatewayRoute", service["meshName"]):
        for kind in ("httpRoute", "http2Route", "grpcRoute"):
            action = route["spec"].get(kind, {}).get("action", {})
            target = action.get("target", {}).get("virtualService", {})
            if target.get("virtualServiceName") == name:
                raise _in_use("virtualService", name, f"gatewayRoute {route['gatewayRouteName']}")


def gateway_is_unused(call: Call, gateway: Json) -> None:
    """Refuse to delete a gateway that has routes."""
    name = gateway["virtualGatewayName"]
    for route in _inside(call, "gatewayRoute", gateway["meshName"]):
        if route["virtualGatewayName"] == name:
            raise _in_use("virtualGateway", name, f"gatewayRoute {route['gatewayRouteName']}")


def mesh_is_empty(call: Call, mesh: Json) -> None:
    """Refuse to delete a mesh that holds anything."""
    name = mesh["meshName"]
    for place in call.mesh.resources:
        if place[0] != "mesh" and place[1] == name:
            raise _in_use("mesh", name, f"{place[0]} {place[-1]}")
