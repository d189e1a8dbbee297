"""What there is in an account and its regions, and why some of it cannot be used. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chimera.core.errors import ProviderError, SpecError
from chimera.platforms.aws.found import Found
from chimera.platforms.aws.identity import Identity, repository_of
from chimera.platforms.aws.images import newest
from chimera.platforms.aws.permissions import ALB, MESH, PLATFORMS
from chimera.platforms.aws.session import Account, Accounts
from chimera.platforms.aws.survey import Survey
from chimera.platforms.aws.surveybalancers import Balancers
from chimera.platforms.aws.surveymesh import Meshes, look_cloud_map
from chimera.platforms.aws.surveyservices import Services

CLIENTS = {
    ALB: ("ecs", "ecr", "ec2", "elbv2", "sts"),
    MESH: ("ecs", "ecr", "ec2", "appmesh", "servicediscovery", "sts"),
}
_TAGS_SHOWN = 5


async def discover_all(
    accounts: Accounts,
    identity: Identity,
    platform: str,
    *,
    regions: Sequence[str] = (),
    cluster: str = "",
    brief: bool = False,
) -> tuple[Found, ...]:
    """List all that matters to a platform; what may not be read is listed with that reason.

    regions: beside or instead of the identity's own; of several, one that does not answer is
    listed. cluster: only this one's services. brief: without networks, repositories and images.
    """
    if platform not in PLATFORMS:
        hint = f"known: {', '.join(PLATFORMS)}"
        raise SpecError(f"'{platform}' is not a platform on AWS", hint=hint)
    found: list[Found] = []
    for region in dict.fromkeys(regions or (identity.region,)):
        here = replace(identity, region=region)
        try:
            account = await accounts.open(here, *CLIENTS[platform])
            # Whoever may not even ask this has no valid credentials: no list would help.
            await account.call(account.sts.get_caller_identity)
            found += await _region(account, platform, cluster, brief=brief)
        except ProviderError as error:
            if len(regions) < 2:
                raise
            found.append(Found("region", region, "", error.reason, error.hint, region))
    return tuple(found)


async def _region(account: Account, platform: str, cluster: str, *, brief: bool) -> list[Found]:
    survey = Survey(account)
    steering: _ByRule | Meshes
    if platform == ALB:
        balancers = Balancers(survey)
        await balancers.look()
        steering = _ByRule(balancers)
    else:
        steering = Meshes(survey)
        await steering.look()
    services = Services(survey, steering)
    await services.look(cluster)
    if brief:
        return survey.found
    if platform == MESH:
        await look_cloud_map(survey, services.registered)
    await _images(survey, services.images)
    await _networks(survey)
    return survey.found


class _ByRule:
    """The load balancers as what steers: the task definition says nothing of them."""

    def __init__(self, balancers: Balancers) -> None:
        self._balancers = balancers

    def settings(self, service: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, str]:  # noqa: ARG002
        """Return the rule or listener of an ECS service."""
        return self._balancers.settings(service)


async def _images(survey: Survey, images: set[str]) -> None:
    """Note the repositories, and the newest tags of those that a service runs an image of."""
    used = {repository_of(image): image for image in sorted(images)}
    ecr = survey.account.ecr
    for one in await survey.pages("repository", ecr.describe_repositories, "repositories"):
        uri = str(one["repositoryUri"])
        if uri not in used:
            survey.add("repository", uri)
            continue
        try:
            tags = await newest(survey.account, used[uri], _TAGS_SHOWN)
        except ProviderError as error:
            survey.add("repository", uri, why="its images may not be listed", hint=error.hint)
            continue
        why = "" if tags else "it has no image with a tag"
        survey.add("repository", uri, why=why, hint="push one" if why else "")
        for tag in tags:
            facts = {"digest": tag.digest, "pushed": tag.pushed_at}
            survey.add("image", tag.image, uri, facts=facts)


async def _networks(survey: Survey) -> None:
    ec2 = survey.account.ec2
    for one in await survey.pages("VPC", ec2.describe_vpcs, "Vpcs"):
        state = str(one.get("State", "available"))
        why = "" if state == "available" else f"it is {state}"
        survey.add("VPC", str(one["VpcId"]), why=why, facts={"addresses": str(one["CidrBlock"])})
    for one in await survey.pages("subnet", ec2.describe_subnets, "Subnets"):
        state, free = str(one.get("State", "available")), int(one["AvailableIpAddressCount"])
        why = "" if state == "available" else f"it is {state}"
        if not why and not free:
            why = "it has no free address for another task"
        facts = {"zone": str(one["AvailabilityZone"]), "free addresses": str(free)}
        survey.add("subnet", str(one["SubnetId"]), str(one["VpcId"]), why, facts=facts)
