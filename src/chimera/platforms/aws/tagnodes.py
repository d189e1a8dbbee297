"""What bears Chimera's tags in a mesh: virtual nodes, and what ECS has for them."""

from __future__ import annotations

from chimera.core.model import Resource
from chimera.platforms.aws import mesh
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.meshfront import NODE
from chimera.platforms.aws.naming import NAME, read_tags
from chimera.platforms.aws.tagged import is_ours, of_ecs, version_of


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
    return (*await of_ecs(site, backends), *resources)
