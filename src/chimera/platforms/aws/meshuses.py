"""What leads to a virtual node beside the service's own route: other routes, virtual services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws import routes
from chimera.platforms.aws.errors import is_absent
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.mesh import options


async def uses_elsewhere(site: Site, node: str) -> list[str]:
    """Return in words what else sends requests to a node, sorted."""
    appmesh, target = site.account.appmesh, options(site)
    routers, services = await asyncio.gather(
        _listed(site, appmesh.list_virtual_routers, "virtualRouters"),
        _listed(site, appmesh.list_virtual_services, "virtualServices"),
    )
    of_routers = (_of_router(site, str(one["virtualRouterName"]), node) for one in routers)
    of_services = (_of_service(site, str(one["virtualServiceName"]), node) for one in services)
    found = await asyncio.gather(*of_routers, *of_services)
    mine = _route(target.route, target.virtual_router)
    return sorted(use for uses in found for use in uses if use != mine)


def _route(name: str, router: str) -> str:
    return f"route {name} of virtual router {router}"


async def _of_router(site: Site, router: str, node: str) -> list[str]:
    appmesh, found = site.account.appmesh, []
    for one in await _listed(site, appmesh.list_routes, "routes", virtualRouterName=router):
        name = str(one["routeName"])
        answer = await _told(site, appmesh.describe_route, virtualRouterName=router, routeName=name)
        spec = answer.get("route", {}).get("spec", {})
        if any(target.node == node for target in routes.targets(spec)):
            found.append(_route(name, router))
    return found


async def _of_service(site: Site, name: str, node: str) -> list[str]:
    call = site.account.appmesh.describe_virtual_service
    answer = await _told(site, call, virtualServiceName=name)
    provider = answer.get("virtualService", {}).get("spec", {}).get("provider") or {}
    leads = (provider.get("virtualNode") or {}).get("virtualNodeName") == node
    return [f"virtual service {name}"] if leads else []


async def _listed(site: Site, call: Callable[..., Any], key: str, **where: str) -> list[Any]:
    return await site.account.pages(call, key, meshName=options(site).mesh, **where)


async def _told(site: Site, call: Callable[..., Any], **where: str) -> dict[str, Any]:
    """Return an answer, {} for what has gone since it was listed."""
    try:
        return await site.account.call(call, meshName=options(site).mesh, **where)
    except ProviderRefused as error:
        if is_absent(error):
            return {}
        raise
