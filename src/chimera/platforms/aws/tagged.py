"""What bears Chimera's tags in a service's cluster, told by AWS alone: the proof of no leak.

The Inventory is not asked, so that what it has lost is found as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chimera.core.model import Resource, Revision
from chimera.platforms.aws import services
from chimera.platforms.aws.estate import ECS_SERVICE, TASK_DEFINITION, Site, Version
from chimera.platforms.aws.naming import IMAGE, NAME, REVISION, ROLLOUT, SERVICE, read_tags

_SERVICES_AT_ONCE = 10


def is_ours(site: Site, tags: Mapping[str, str]) -> bool:
    """Whether these are tags of something that a rollout of this service made."""
    return tags.get(SERVICE) == site.service.name and ROLLOUT in tags and NAME in tags


def version_of(tags: Mapping[str, str], *, backend: str = "", arn: str = "") -> Version:
    """Return the version that tags speak of."""
    revision = Revision(tags[REVISION], tags.get(IMAGE, ""))
    name = tags[NAME]
    return Version(revision, name, name, backend, arn, tags[ROLLOUT])


async def tagged_services(site: Site) -> tuple[tuple[Version, dict[str, Any]], ...]:
    """Return the versions whose ECS services bear our tags, with what ECS says of them."""
    ecs, found = site.account.ecs, []
    arns = await site.account.pages(ecs.list_services, "serviceArns", cluster=site.target.cluster)
    for start in range(0, len(arns), _SERVICES_AT_ONCE):
        answer = await site.account.call(
            ecs.describe_services,
            cluster=site.target.cluster,
            services=arns[start : start + _SERVICES_AT_ONCE],
            include=["TAGS"],
        )
        for one in answer["services"]:
            tags = read_tags(one.get("tags"))
            if one["status"] == "ACTIVE" and is_ours(site, tags):
                found.append((version_of(tags, arn=str(one["serviceArn"])), one))
    return tuple(found)


async def tagged_definitions(site: Site) -> tuple[tuple[Version, str], ...]:
    """Return the versions whose task definitions bear our tags, with the ARNs of those."""
    ecs, found = site.account.ecs, []
    families = await site.account.pages(
        ecs.list_task_definition_families,
        "families",
        familyPrefix=site.target.service[:200],
        status="ACTIVE",
    )
    for family in families:
        one = await services.definition(site, str(family))
        tags = read_tags(one["tags"])
        if is_ours(site, tags):
            found.append((version_of(tags), str(one["taskDefinitionArn"])))
    return tuple(found)


async def of_ecs(site: Site, backends: Mapping[str, str]) -> tuple[Resource, ...]:
    """Return the ECS services and task definitions that bear our tags.

    backends: what a version's tasks stand behind, by the name of the version.
    """
    found = []
    for version, _ in await tagged_services(site):
        known = version_with(version, backends)
        found.append(known.resource(site, ECS_SERVICE, version.arn))
    for version, arn in await tagged_definitions(site):
        known = version_with(version, backends)
        found.append(known.resource(site, TASK_DEFINITION, arn.rpartition(":")[0]))
    return tuple(found)


def version_with(version: Version, backends: Mapping[str, str]) -> Version:
    """Return a version with its backend, where that is known."""
    return Version(
        version.revision,
        version.name,
        version.family,
        backends.get(version.name, ""),
        version.arn,
        version.rollout,
    )
