"""Reading and writing App Mesh: the route of a service and its virtual nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.aws import letting
from chimera.platforms.aws.arms import Backend
from chimera.platforms.aws.errors import PROVIDER, is_absent
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.naming import read_tags
from chimera.platforms.aws.options import EcsAppMeshTarget
from chimera.platforms.aws.routes import Target, targets, with_targets
from chimera.platforms.aws.shapes import fitted

_READ_BACK_S = 10.0


@dataclass(frozen=True, slots=True)
class Route:
    """A route as App Mesh tells it now."""

    arn: str
    owner: str
    changed_at: datetime
    spec: dict[str, Any]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Its weighted targets, in their order."""
        return targets(self.spec)


def options(site: Site) -> EcsAppMeshTarget:
    """Return the site's target as this platform's."""
    return cast("EcsAppMeshTarget", site.target)


def node_arn(site: Site, cluster_arn: str, name: str) -> str:
    """Return the ARN of a virtual node in the account and region of an ECS cluster."""
    _, partition, _, region, account, _ = cluster_arn.split(":", 5)
    place = f"{region}:{account}:mesh/{options(site).mesh}/virtualNode/{name}"
    return f"arn:{partition}:appmesh:{place}"


async def read_route(site: Site) -> Route:
    """Return the service's route; ProviderRefused if it does not exist or has no weights."""
    target = options(site)
    try:
        answer = await site.account.call(
            site.account.appmesh.describe_route,
            meshName=target.mesh,
            virtualRouterName=target.virtual_router,
            routeName=target.route,
        )
    except ProviderRefused as error:
        if not is_absent(error):
            raise
        place = f"'{target.virtual_router}' of mesh '{target.mesh}'"
        reason = f"there is no route '{target.route}' on virtual router {place}: {error.reason}"
        hint = "check target.mesh, target.virtualRouter, target.route and target.region"
        raise ProviderRefused(PROVIDER, "read the route", reason, hint=hint) from error
    found = answer["route"]
    meta = found["metadata"]
    route = Route(meta["arn"], str(meta["meshOwner"]), meta["lastUpdatedAt"], found["spec"])
    if not route.targets:
        reason = f"route '{target.route}' has no weighted targets"
        raise ProviderRefused(
            PROVIDER, "read the route", reason, hint="give it one virtual node as its target"
        )
    return route


async def write_route(site: Site, route: Route, wanted: Sequence[Target]) -> None:
    """Put other targets into the route, unless it has them, and read them back."""
    if route.targets == tuple(wanted):
        return
    target, appmesh = options(site), site.account.appmesh
    request = fitted(
        appmesh,
        "UpdateRoute",
        {
            "meshName": target.mesh,
            "virtualRouterName": target.virtual_router,
            "routeName": target.route,
            "spec": with_targets(route.spec, wanted),
        },
    )
    await site.account.call(appmesh.update_route, **request)
    await _read_back(site, tuple(wanted))


async def take_out(site: Site, node: str) -> Route:
    """Take a node without traffic out of the route; return the route as it was read.

    A reading that gives it a weight is an old one: what is left of that would not be the whole
    traffic. It is read again, for as long as a change may take to be seen.
    """
    deadline, pause_s = time.monotonic() + _READ_BACK_S, 0.05
    route = await read_route(site)
    while _weight(route, node) and time.monotonic() < deadline:
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)
        route = await read_route(site)
    rest = tuple(one for one in route.targets if one.node != node)
    if rest and len(rest) < len(route.targets):
        await write_route(site, route, rest)
    return route


async def _read_back(site: Site, wanted: tuple[Target, ...]) -> None:
    deadline, pause_s = time.monotonic() + _READ_BACK_S, 0.05
    while (seen := (await read_route(site)).targets) != wanted:
        if time.monotonic() > deadline:
            reason = f"asked for {_shown(wanted)}, but the route says {_shown(seen)}"
            raise ProviderUnavailable(PROVIDER, "change the route", reason)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def _weight(route: Route, node: str) -> int:
    return sum(one.weight for one in route.targets if one.node == node)


def _shown(found: tuple[Target, ...]) -> str:
    return ", ".join(f"{one.node} {one.weight}" for one in found)


async def read_node(site: Site, name: str) -> dict[str, Any] | None:
    """Return a virtual node, None if there is none of that name."""
    try:
        answer = await site.account.call(
            site.account.appmesh.describe_virtual_node,
            meshName=options(site).mesh,
            virtualNodeName=name,
        )
    except ProviderRefused as error:
        if is_absent(error):
            return None
        raise
    return cast("dict[str, Any]", answer["virtualNode"])


async def node_backend(site: Site, name: str) -> Backend:
    """Return a virtual node with its tags; ProviderRefused if it does not exist."""
    node = await read_node(site, name)
    if node is None:
        reason = f"the route names virtual node '{name}', which does not exist"
        raise ProviderRefused(PROVIDER, "read the virtual node", reason)
    tags = await site.account.pages(
        site.account.appmesh.list_tags_for_resource, "tags", resourceArn=node["metadata"]["arn"]
    )
    return Backend(name, read_tags(tags))


async def make_node(
    site: Site, name: str, spec: dict[str, Any], tags: list[dict[str, str]]
) -> None:
    """Create a virtual node, or find the one of that name: a name belongs to one rollout."""
    if await read_node(site, name) is not None:
        return
    appmesh = site.account.appmesh
    request = fitted(
        appmesh,
        "CreateVirtualNode",
        {"meshName": options(site).mesh, "virtualNodeName": name, "spec": spec, "tags": tags},
    )
    # No token of ours: the same one would answer for a node of this name that was deleted since.
    await site.account.call(appmesh.create_virtual_node, **request)


async def delete_node(site: Site, name: str) -> None:
    """Delete a virtual node; gone is fine. Waits a little for a route that has just let it go."""
    call, where = site.account.appmesh.delete_virtual_node, options(site).mesh
    await letting.delete(lambda: site.account.call(call, meshName=where, virtualNodeName=name))
