"""What bears Chimera's tags in a mesh: nodes, names in DNS, and what ECS has for them."""

from __future__ import annotations

from collections.abc import Mapping

from chimera.core.model import Resource
from chimera.platforms.aws import cloudmap, mesh
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.meshfront import NODE, registry
from chimera.platforms.aws.naming import NAME, read_tags
from chimera.platforms.aws.tagged import is_ours, of_ecs, version_of, version_with

# A version's label begins like its ECS service's name, as far as DNS has room for that.
_PREFIX = 50


async def survey(site: Site) -> tuple[Resource, ...]:
    """Return everything of a service that bears our tags, told by AWS alone."""
    appmesh, resources, backends = site.account.appmesh, [], {}
    nodes = await site.account.pages(
        appmesh.list_virtual_nodes, "virtualNodes", meshName=mesh.options(site).mesh
    )
    for node in nodes:
        arn, name = str(node["arn"]), str(node["virtualNodeName"])
        tags = read_tags(
            await site.account.pages(appmesh.list_tags_for_resource, "tags", resourceArn=arn)
        )
        if is_ours(site, tags):
            backends[tags[NAME]] = name
            resources.append(version_of(tags, backend=name).resource(site, NODE, arn))
    return (*await of_ecs(site, backends), *resources, *await _names(site, backends))


async def _names(site: Site, backends: Mapping[str, str]) -> list[Resource]:
    """Return the Cloud Map services by which versions are found, where nodes use DNS."""
    discovery, found = site.account.servicediscovery, []
    mine = cloudmap.label(site.target.service)[:_PREFIX]
    for one in await site.account.pages(discovery.list_services, "Services"):
        arn, name = str(one["Arn"]), str(one["Name"])
        if not name.startswith(mine):
            continue
        answer = await site.account.call(discovery.list_tags_for_resource, ResourceARN=arn)
        tags = read_tags(answer["Tags"])
        if is_ours(site, tags):
            version = version_with(version_of(tags), backends)
            told = await site.account.call(discovery.get_service, Id=str(one["Id"]))
            found.append(registry(site, version, str(told["Service"]["NamespaceId"])))
    return found
