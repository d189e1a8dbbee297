"""A load balancer as what tasks stand behind: a target group per version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.core.model import Change, Resource
from chimera.platforms.aws import balancer, forwards
from chimera.platforms.aws.alboptions import EcsAlbTarget
from chimera.platforms.aws.arms import Arm, Backend
from chimera.platforms.aws.balancer import Place
from chimera.platforms.aws.errors import PROVIDER, is_absent
from chimera.platforms.aws.estate import Estate, Site, Version
from chimera.platforms.aws.front import Making, Writes
from chimera.platforms.aws.memories import BESIDE, MEMORY, Memories
from chimera.platforms.aws.naming import derived, kept_tags
from chimera.platforms.aws.options import EcsTarget
from chimera.platforms.aws.permissions import ALB
from chimera.platforms.aws.places import GROUP, Places
from chimera.platforms.aws.planning import shown
from chimera.platforms.aws.suitable import refuse_unfit

_ORDER = {GROUP: 5, MEMORY: 20}
_LONGEST_NAME = 32


class AlbFront:
    """The Front of a load balancer.

    A version's group is in the rule from the start, without weight: a load balancer checks the
    health of such targets only, and ECS takes no group that is behind no load balancer.
    """

    platform = ALB
    options: type[EcsTarget] = EcsAlbTarget
    clients: Sequence[str] = ("elbv2", "cloudwatch")

    def __init__(self, estate: Estate) -> None:
        self.places = Places(estate)
        self.memories = Memories(estate)

    async def place(self, site: Site) -> Place:
        """Return the listener or rule of a service as it stands.

        One that was made anew has another ARN than before; it is looked for by its target group.
        """
        known = await self.places.of(site)
        try:
            return await balancer.read_place(site, known)
        except ProviderRefused as error:
            other = await self.places.anew(site, known) if is_absent(error) else ""
            if not other:
                raise
            return await balancer.read_place(site, other)

    async def shares(self, site: Site, place: Place) -> forwards.Shares:
        """Tell stable and canary among the groups of a rule."""
        tags = await balancer.read_tagged(site, [group.arn for group in place.groups])
        beside = {arn: found[BESIDE] for arn, found in tags.items() if found.get(BESIDE)}
        return forwards.shares(place.groups, beside)

    async def serving(self, site: Site) -> Backend:
        """Return the group that serves by default, which a canary beside it is not."""
        place = await self.place(site)
        found = await self.shares(site, place)
        if not found.stable:
            names = ", ".join(balancer.group_name(one.arn) for one in place.groups)
            reason = f"the traffic is divided already: {names}"
            hint = "leave one target group a weight; Chimera adds and removes the second one"
            raise ProviderRefused(PROVIDER, "read the rule", reason, hint=hint)
        return await balancer.backend(site, found.stable)

    async def check(self, site: Site, stable: Arm) -> None:
        """Refuse what a load balancer could not steer, or could steer only with surprise."""
        await refuse_unfit(site, stable, await self.place(site))

    async def spare(self, site: Site, stable: Arm) -> frozenset[str]:  # noqa: ARG002
        """Return the write of what does not hold the weights here: the listener, or the rule."""
        other = "ModifyListener" if balancer.RULE in await self.places.of(site) else "ModifyRule"
        return frozenset({f"elasticloadbalancing:{other}"})

    def name(self, site: Site, stable: Arm, name: str) -> str:  # noqa: ARG002
        """Nothing yet: AWS makes up a part of a group's ARN."""
        return ""

    async def resources(self, site: Site, making: Making) -> tuple[Resource, ...]:
        """Return the records of the group, and of what the rule says now."""
        place = await self.place(site)
        name = _name(site, making)
        parts = place.arn.split(":")
        id = f"{':'.join(parts[:5])}:targetgroup/{name}"  # noqa: A001 - a resource's key
        group = making.version.resource(site, GROUP, id, group=name, place=place.arn)
        if making.like.idle:
            return (group,)
        return (group, self.memories.of(site, making, place))

    async def make(self, site: Site, making: Making) -> Version:
        """Create the version's group and put it into the rule, without weight."""
        like = making.like.backend
        tags = {**kept_tags(like.tags), **making.tags, BESIDE: like.id}
        arn = await balancer.clone_group(site, like.id, _name(site, making), tags)
        place = await self.place(site)
        if all(group.arn != arn for group in place.groups):
            wanted = (*place.groups, forwards.Group(arn, 0))
            await balancer.write_place(site, place, forwards.with_groups(place.actions, wanted))
        return replace(making.version, backend=arn)

    async def adapt_definition(self, site: Site, making: Making, request: dict[str, Any]) -> None:
        """Nothing: a load balancer needs no sidecar."""

    async def adapt_service(self, site: Site, making: Making, request: dict[str, Any]) -> None:  # noqa: ARG002
        """Register the tasks in the version's own group."""
        for one in request["loadBalancers"]:
            if one.get("targetGroupArn") == making.like.backend.id:
                one["targetGroupArn"] = making.version.backend

    async def reachable(
        self,
        site: Site,
        version: Version,
        service: Mapping[str, Any],  # noqa: ARG002
    ) -> tuple[int, str]:
        """Return how many targets are healthy, and what the others say."""
        return await balancer.health(site, version.backend)

    async def routed(self, site: Site, version: Version) -> bool:
        """Whether the rule gives the version's group a weight."""
        found = (await self.place(site)).groups
        return any(group.arn == version.backend and group.weight for group in found)

    async def point(self, site: Site, backend: str) -> None:
        """Send all traffic to one group, in the place of the one that has it."""
        place = await self.place(site)
        found = await self.shares(site, place)
        if found.stable == backend and not found.canary:
            return
        kept = [group for group in place.groups if group.arn != backend]
        if found.canary:  # its share goes with stable's: either may have all of it
            kept = forwards.joined(kept, found.stable, found.canary)
        actions = forwards.with_groups(place.actions, kept)
        await balancer.write_place(site, place, forwards.replaced(actions, found.stable, backend))

    async def adopted(self, site: Site, arm: Arm, version: Version) -> tuple[Resource, ...]:
        """Return the record of a group that the operator made."""
        place = await self.places.of(site)
        return (version.resource(site, GROUP, arm.backend.id, adopted=True, place=place),)

    async def remove(self, site: Site, resource: Resource) -> None:
        """Take a group out of the rule and delete it; a memory of the rule is only forgotten."""
        if resource.kind != GROUP:
            return
        known = resource.id if resource.detail.get("adopted") else ""
        name = str(resource.detail.get("group", ""))
        found = await balancer.find_group(site, arn=known, name=name)
        if found is None:
            return
        arn = str(found["TargetGroupArn"])
        place = await self.place(site)
        if any(group.arn == arn for group in place.groups):
            rest = [group for group in place.groups if group.arn != arn]
            before = await self.memories.before(site, resource.revision)
            actions = forwards.with_groups(place.actions, rest)
            if before and _unchanged(before, place, arn):
                actions = before
            await balancer.write_place(site, place, actions)
        await balancer.delete_group(site, arn)

    def order(self, resource: Resource) -> int:
        """The group goes after the ECS service, whose tasks leave it first."""
        return _ORDER.get(resource.kind, 20)

    async def writes(self, site: Site, stable: Arm, making: Making) -> Writes:
        """Return the writes in Elastic Load Balancing."""
        group, old = f"target group {shown(making)}", balancer.group_name(stable.backend.id)
        place = await self.places.of(site)
        of_rule = ":listener-rule/" in place
        action = f"elasticloadbalancing:{'ModifyRule' if of_rule else 'ModifyListener'}"
        rule = f"{'listener rule' if of_rule else 'listener'} {place.partition('/app/')[2]}"
        like = f"like {old}: health check and tags"
        differing = f"the attributes of {old} that are not AWS's defaults"
        return Writes(
            before=(
                Change("+", group, like, "elasticloadbalancing:CreateTargetGroup"),
                Change("~", group, differing, "elasticloadbalancing:ModifyTargetGroupAttributes"),
                Change("~", rule, "the new group joins it, with weight 0", action),
            ),
            steps=(
                Change("~", rule, f"weights move from {old} to the new group in steps", action),
            ),
            promotion=(Change("~", rule, "forwards to the new group alone", action),),
            gone_after=(
                Change(
                    "-",
                    f"target group {old}",
                    "replaced",
                    "elasticloadbalancing:DeleteTargetGroup",
                ),
            ),
        )


def _unchanged(before: Sequence[dict[str, Any]], place: Place, without: str) -> bool:
    """Whether the rule differs from what it was in this one group and in weights alone."""
    rest = {group.arn for group in place.groups} - {without}
    same = {group.arn for group in forwards.groups(before)} == rest
    return same and forwards.frame(before) == forwards.frame(place.actions)


def _name(site: Site, making: Making) -> str:
    version = making.version
    name = derived(
        site.target.service, site.service, version.revision, version.rollout, _LONGEST_NAME
    )
    return name.replace("_", "-").strip("-").removeprefix("internal-")
