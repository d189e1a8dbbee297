"""What bears Chimera's tags behind a load balancer: target groups, and what ECS has for them."""

from __future__ import annotations

from chimera.core.model import Resource
from chimera.platforms.aws import balancer
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.naming import NAME
from chimera.platforms.aws.places import GROUP
from chimera.platforms.aws.tagged import is_ours, of_ecs, version_of


async def survey(site: Site) -> tuple[Resource, ...]:
    """Return everything of a service that bears our tags, told by AWS alone."""
    elb = site.account.elbv2
    groups = await site.account.pages(elb.describe_target_groups, "TargetGroups")
    tags = await balancer.read_tagged(site, [str(one["TargetGroupArn"]) for one in groups])
    ours = {arn: found for arn, found in tags.items() if is_ours(site, found)}
    backends = {found[NAME]: arn for arn, found in ours.items()}
    resources = []
    for arn, found in sorted(ours.items()):
        name = balancer.group_name(arn)
        key = arn.rpartition("/")[0]
        version = version_of(found, backend=arn)
        resources.append(version.resource(site, GROUP, key, group=name))
    return (*await of_ecs(site, backends), *resources)
