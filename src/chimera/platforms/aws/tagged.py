"""What bears Chimera's tags in a service's cluster, told by AWS alone: the proof of no leak.

The Inventory is not asked, so that what it has lost is found as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chimera.core.model import Resource, Revision
from chimera.platforms.aws import autoscaling, definitions, services
from chimera.platforms.aws.estate import (
    ECS_SERVICE,
    SCALABLE_TARGET,
    TASK_DEFINITION,
    Site,
    Version,
    scalable_id,
)
from chimera.platforms.aws.naming import IMAGE, NAME, REVISION, ROLLOUT, SERVICE, read_tags

_LONGEST_PREFIX = 200


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
    found = []
    for one in await services.listed(site.account, site.target.cluster):
        tags = read_tags(one.get("tags"))
        if one["status"] == "ACTIVE" and is_ours(site, tags):
            found.append((version_of(tags, arn=str(one["serviceArn"])), one))
    return tuple(found)


async def tagged_definitions(site: Site) -> tuple[tuple[Version, str], ...]:
    """Return the versions whose task definitions bear our tags, with the ARNs of those.

    One that was deregistered and never deleted is there still.
    """
    found = []
    for arn in (*await _families(site, "ACTIVE"), *await _inactive(site)):
        one = await services.definition(site, arn)
        tags = read_tags(one["tags"])
        if is_ours(site, tags):
            found.append((version_of(tags), str(one["taskDefinitionArn"])))
    return tuple(found)


async def _families(site: Site, status: str) -> list[str]:
    families = await site.account.pages(
        site.account.ecs.list_task_definition_families,
        "families",
        familyPrefix=site.target.service[:_LONGEST_PREFIX],
        status=status,
    )
    return list(map(str, families))


async def _inactive(site: Site) -> list[str]:
    """Return the newest revision of each family that has none but deregistered ones."""
    found = []
    for family in await _families(site, "INACTIVE"):
        found += (await definitions.revisions(site.account, family, "INACTIVE"))[:1]
    return found


async def tagged_targets(site: Site) -> tuple[Version, ...]:
    """Return the versions whose scalable targets bear our tags; they outlive their ECS services."""
    scaling, found = site.account.autoscaling, []
    mine = autoscaling.resource_id(site, site.target.service)
    targets = await site.account.pages(
        scaling.describe_scalable_targets, "ScalableTargets", ServiceNamespace="ecs"
    )
    for one in targets:
        arn, resource = str(one.get("ScalableTargetARN", "")), str(one["ResourceId"])
        if not arn or not resource.startswith(mine):
            continue
        answer = await site.account.call(scaling.list_tags_for_resource, ResourceARN=arn)
        tags = {str(key): str(value) for key, value in answer["Tags"].items()}
        if is_ours(site, tags):
            begin, _, rest = arn.partition(":application-autoscaling:")
            region, account, *_ = rest.split(":")
            found.append(version_of(tags, arn=f"{begin}:ecs:{region}:{account}:{resource}"))
    return tuple(found)


async def of_ecs(site: Site, backends: Mapping[str, str]) -> tuple[Resource, ...]:
    """Return the ECS services, their scalable targets and task definitions that bear our tags.

    backends: what a version's tasks stand behind, by the name of the version.
    """
    found = []
    for version, _ in await tagged_services(site):
        known = version_with(version, backends)
        found.append(known.resource(site, ECS_SERVICE, version.arn))
    for version, arn in await tagged_definitions(site):
        known = version_with(version, backends)
        found.append(known.resource(site, TASK_DEFINITION, arn.rpartition(":")[0]))
    for version in await tagged_targets(site):
        known = version_with(version, backends)
        found.append(known.resource(site, SCALABLE_TARGET, scalable_id(version)))
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
