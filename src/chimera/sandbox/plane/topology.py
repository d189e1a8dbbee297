"""What the gateways should do now: virtual routers and load balancers as plain values."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from chimera.sandbox.patches.appmesh_rules import targets
from chimera.sandbox.patches.cloudmap import find_service
from chimera.sandbox.patches.elbv2_use import backend_of
from chimera.sandbox.plane.sidecar import PROXY
from chimera.sandbox.world import Region, World

Json = dict[str, Any]
Endpoint = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Pool:
    """Where requests for one virtual node or target group go."""

    name: str
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """First match wins. `shares` are (pool, weight); with none `status` is answered at once.

    sticky_s: users stay with their pool that long, 0 if they do not.
    """

    prefix: str = "/"
    path: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    shares: tuple[tuple[str, int], ...] = ()
    sticky_s: int = 0
    status: int = 503


@dataclass(frozen=True, slots=True)
class Entry:
    """One way in: its name as users know it, its port, its routes."""

    name: str
    port: int
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that the gateways follow."""

    entries: tuple[Entry, ...] = ()
    pools: tuple[Pool, ...] = field(default=())


def united(before: Topology, after: Topology) -> tuple[Pool, ...]:
    """Return the pools of `after`, each with the endpoints that it had `before` as well."""
    had = {pool.name: pool.endpoints for pool in before.pools}
    return tuple(
        Pool(pool.name, tuple(dict.fromkeys((*pool.endpoints, *had.get(pool.name, ())))))
        for pool in after.pools
    )


def pool_name(kind: str, *names: str) -> str:
    """Name a pool; Envoy's statistics cannot tell names with dots apart."""
    digest = hashlib.sha256("/".join(names).encode()).hexdigest()[:6]
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_-]', '-', names[-1])}-{digest}"


def read(world: World) -> Topology:
    """Read the whole topology; the caller holds the world's lock."""
    entries: list[Entry] = []
    pools: dict[str, Pool] = {}
    for region in world.regions.values():
        for place, router in region.mesh.resources.items():
            if place[0] == "virtualRouter":
                entries.append(_router(region, router))
        for place, node in region.mesh.resources.items():
            if place[0] == "virtualNode":
                name = pool_name("vn", region.name, *place[1:])
                pools[name] = Pool(name, _node_endpoints(region, node))
        _load_balancers(world, region, entries, pools)
    return Topology(tuple(entries), tuple(pools[name] for name in sorted(pools)))


def _router(region: Region, router: Json) -> Entry:
    mesh, name = router["meshName"], router["virtualRouterName"]
    listeners = router["spec"].get("listeners") or [{"portMapping": {"port": 8080}}]
    routes = [
        record
        for place, record in region.mesh.resources.items()
        if place[:3] == ("route", mesh, name)
    ]
    routes.sort(key=lambda one: (one["spec"].get("priority", 1000), one["routeName"]))
    rendered = [_mesh_route(region.name, mesh, record["spec"]) for record in routes]
    port = listeners[0]["portMapping"]["port"]
    return Entry(f"{mesh}/{name}", port, (*rendered, Route(status=404)))


def _mesh_route(region: str, mesh: str, spec: Json) -> Route:
    match: Json = {}
    for kind in ("httpRoute", "http2Route", "grpcRoute"):
        match = spec[kind].get("match", {}) if kind in spec else match
    asked = match.get("headers") or match.get("metadata") or ()
    headers = tuple(
        (one["name"], one["match"]["exact"]) for one in asked if "exact" in one.get("match", {})
    )
    shares = tuple(
        (pool_name("vn", region, mesh, one["virtualNode"]), one["weight"]) for one in targets(spec)
    )
    return Route(
        prefix=match.get("prefix") or "/",
        path=match.get("path", {}).get("exact", ""),
        headers=headers,
        shares=shares,
    )


def _node_endpoints(region: Region, node: Json) -> tuple[Endpoint, ...]:
    spec = node["spec"]
    listeners = spec.get("listeners") or [{"portMapping": {"port": 8080}}]
    port = listeners[0]["portMapping"]["port"]
    discovery = spec.get("serviceDiscovery", {})
    wanted: set[tuple[str, str]] = set()
    if "awsCloudMap" in discovery:
        found = discovery["awsCloudMap"]
        namespace, name = found["namespaceName"], found["serviceName"]
        wanted = {(one["key"], one["value"]) for one in found.get("attributes") or ()}
    elif "dns" in discovery:
        name, _, namespace = discovery["dns"]["hostname"].partition(".")
    else:
        return ()
    service = find_service(region.cloudmap, namespace, name)
    if service is None:
        return ()
    proxied = {one.get("_address") for one in region.ecs.tasks.values() if one.get("_proxy")}
    endpoints = []
    for (inside, _), instance in region.cloudmap.instances.items():
        attributes = instance["Attributes"]
        if inside != service["Id"] or instance["_health"] == "UNHEALTHY":
            continue
        if wanted <= set(attributes.items()):
            address = attributes.get("AWS_INSTANCE_IPV4", "")
            endpoints.append((address, PROXY if address in proxied else port))
    return tuple(sorted(endpoints))


def _load_balancers(
    world: World, region: Region, entries: list[Entry], pools: dict[str, Pool]
) -> None:
    backend = backend_of(world.account, region.name)
    if backend is None:
        return
    for arn, group in backend.target_groups.items():
        name = pool_name("tg", region.name, arn.partition("targetgroup/")[2])
        pools[name] = Pool(name, _target_endpoints(region, arn, group))
    for balancer in backend.load_balancers.values():
        for listener in balancer.listeners.values():
            routes = [
                _listener_route(region.name, rule)
                for rule in sorted(listener.rules.values(), key=_order)
            ]
            port = int(listener.port)
            entries.append(Entry(f"{balancer.name}:{port}", port, tuple(routes)))


def _order(rule: Any) -> int:
    return 1_000_000 if rule.priority in {None, "default"} else int(rule.priority)


def group_pool(region: str, arn: str) -> str:
    """Name the pool of a target group."""
    return pool_name("tg", region, arn.partition("targetgroup/")[2])


def _target_endpoints(region: Region, arn: str, group: Any) -> tuple[Endpoint, ...]:
    known = [(one["Id"], int(one["Port"])) for one in group.targets.values()]
    states = {place: region.target_health.get((arn, *place), ("initial", ""))[0] for place in known}
    healthy = [place for place in known if states[place] == "healthy"]
    # With no healthy target at all a load balancer tries every one that has been looked at.
    tried = healthy or [place for place in known if states[place] == "unhealthy"]
    return tuple(sorted(tried))


def _listener_route(region: str, rule: Any) -> Route:
    action: Json = next((one.data for one in rule.actions if one.type != "authenticate-oidc"), {})
    match = _conditions(rule.conditions or [])
    if action.get("Type") == "fixed-response":
        status = int(action["FixedResponseConfig"].get("StatusCode", 200))
        return Route(**match, status=status)
    forward = action.get("ForwardConfig") or {}
    groups = forward.get("TargetGroups") or []
    if not groups and action.get("TargetGroupArn"):
        groups = [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    shares = tuple(
        (group_pool(region, one["TargetGroupArn"]), int(one.get("Weight", 1))) for one in groups
    )
    sticky = forward.get("TargetGroupStickinessConfig") or {}
    on = str(sticky.get("Enabled", False)).lower() == "true"
    seconds = int(sticky.get("DurationSeconds") or 3600) if on else 0
    return Route(**match, shares=shares, sticky_s=seconds)


def _conditions(conditions: list[Json]) -> dict[str, Any]:
    match: dict[str, Any] = {}
    for one in conditions:
        field_name = one.get("Field")
        configs = [part for key, part in one.items() if key.endswith("Config")]
        values = one.get("Values") or (configs[0].get("Values") if configs else [])
        if not values:
            continue
        if field_name == "path-pattern":
            pattern = values[0]
            kind = "prefix" if pattern.endswith("*") else "path"
            match[kind] = pattern.rstrip("*")
        elif field_name == "host-header":
            match["host"] = values[0]
        elif field_name == "http-header":
            match["headers"] = ((one["HttpHeaderConfig"]["HttpHeaderName"], values[0]),)
    return match
