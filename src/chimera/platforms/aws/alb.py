"""Steering traffic by weighted target groups on a load balancer's listener or rule."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.aws import balancer, forwards
from chimera.platforms.aws.albfront import AlbFront
from chimera.platforms.aws.arms import arm_behind
from chimera.platforms.aws.balancer import Place
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.front import routed_still
from chimera.platforms.aws.making import adopt, disown
from chimera.platforms.aws.names import Names
from chimera.platforms.aws.naming import REVISION
from chimera.platforms.aws.sites import Sites
from chimera.ports.urgency import urgent

FOREIGN = "(rule changed outside Chimera)"
_WARM_WITHIN_S = 30.0


class AlbRouter:
    """The Router of a load balancer. There is no lease: it keeps the last weights it was told."""

    leased = False

    def __init__(self, estate: Estate, sites: Sites, front: AlbFront) -> None:
        self._estate = estate
        self._sites = sites
        self._front = front
        self._writing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._names = Names(balancer.backend)

    async def read(self, service: Service) -> Split:
        """Return the split that the rule says; the load balancer follows within `propagation`."""
        site = await self._sites.of(service)
        place = await self._front.place(site)
        found = await self._front.shares(site, place)
        stable = await self._names.of(site, found.stable or place.groups[0].arn)
        if not stable:
            reason = f"no version of '{service.name}' runs yet"
            raise ProviderUnavailable(PROVIDER, "read the rule", reason)
        canary = await self._names.of(site, found.canary) if found.canary else ""
        if found.percent is None or not found.stable or canary == stable:
            return Split(f"{stable} {FOREIGN}")
        if not canary:
            return Split(stable)
        before = await self._front.memories.before(site, canary)
        if before and forwards.frame(before) != forwards.frame(place.actions):
            return Split(f"{stable} {FOREIGN}")
        return Split(stable, canary, found.percent)

    async def set_weights(
        self,
        service: Service,
        split: Split,
        fence: Fence,
        lease: timedelta,  # noqa: ARG002 - nothing in a load balancer can forget a weight
    ) -> None:
        """Put `split` into the rule, read it back, and wait until the load balancer follows it.

        The canary's targets are healthy before.
        """
        site = await self._sites.of(service)
        async with self._writing[service.name]:
            await self._estate.check(service, fence, "set weights")
            place = await self._front.place(site)
            found = await self._front.shares(site, place)
            stable = await self._names.of(site, found.stable) if found.stable else ""
            if stable != split.stable:
                reason = f"stable is {stable or 'not clear'}, not {split.stable}"
                raise ProviderRefused(PROVIDER, "set weights", reason)
            if not split.canary:
                wanted = await self._before(site, place, Revision(stable), None)
            else:
                canary = await self._group(site, split.canary, "set weights")
                if split.weight:
                    await self._warm(site, canary)
                named = forwards.split(found.stable, canary, split.weight, place.groups)
                wanted = forwards.with_groups(place.actions, named)
            await self._estate.check(service, fence, "set weights")
            await balancer.write_place(site, place, wanted)
        if split.weight:
            # What is counted before belongs to the former weight.
            await asyncio.sleep(balancer.options(site).propagation.total_seconds())

    async def renew(
        self,
        service: Service,
        split: Split,  # noqa: ARG002 - there is no lease to extend
        fence: Fence,
        lease: timedelta,  # noqa: ARG002
    ) -> Split:
        """Read the split in force."""
        await self._estate.check(service, fence, "renew")
        return await self.read(service)

    async def commit(
        self,
        service: Service,
        old: Revision,  # noqa: ARG002 - what the rule names beside the new group
        new: Revision,
        fence: Fence,
        lease: timedelta,  # noqa: ARG002
    ) -> None:
        """Put the new version's group in the old one's place; the old version is ours to remove."""
        site = await self._sites.of(service)
        async with self._writing[service.name]:
            await self._estate.check(service, fence, "commit")
            group = await self._group(site, new.name, "commit")
            place = await self._front.place(site)
            found = await self._front.shares(site, place)
            if found.stable == group:
                return
            arm = await arm_behind(site, await balancer.backend(site, found.stable))
            if not arm.backend.ours:
                await adopt(self._estate, site, self._front, arm, fence.rollout)
            before = await self._front.memories.before(site, new.name)
            if before and forwards.frame(before) == forwards.frame(place.actions):
                wanted = forwards.replaced(before, found.stable, group)
            else:
                named = forwards.alone(group, place.groups, (found.stable,))
                wanted = forwards.with_groups(place.actions, named)
            await self._estate.check(service, fence, "commit")
            await balancer.write_place(site, place, wanted)

    async def restore(
        self, service: Service, stable: Revision, canary: Revision, fence: Fence
    ) -> None:
        """Give stable the weights it had; goes before all other calls.

        The canary's group stays in the rule without weight until its tasks have left it: a load
        balancer lets their last requests end only there. Where users are sticky it goes at once:
        their cookie would lead them to it still.
        """
        with urgent():
            site = await self._sites.of(service)
            async with self._writing[service.name]:
                await self._estate.check(service, fence, "restore")
                place = await self._front.place(site)
                wanted = await self._before(site, place, stable, canary)
                place = await self._returned(site, place, wanted)
                await balancer.write_place(site, place, wanted)
            await disown(self._estate, site, stable)

    async def drain(
        self, service: Service, revision: Revision, fence: Fence, timeout: timedelta
    ) -> int:
        """Wait until the load balancer's nodes have heard of the last change.

        What is still in flight then ends in the group's deregistration delay, when ECS stops the
        tasks. A load balancer does not say how many requests are in flight; 0 is returned.
        """
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "drain")
        version = await self._estate.version(service, revision.name)
        if version is None:
            return 0
        if await routed_still(self._front, site, version):
            raise ProviderRefused(PROVIDER, "drain", f"{revision.name} still has traffic")
        waiting = min(balancer.options(site).propagation, timeout)
        await asyncio.sleep(waiting.total_seconds())
        await self._front.memories.forget(site, fence, but=revision.name)
        return 0

    async def _group(self, site: Site, revision: str, operation: str) -> str:
        version = await self._estate.version(site.service, revision)
        if version is None:
            raise ProviderRefused(PROVIDER, operation, f"{revision} was never started")
        return version.backend

    async def _warm(self, site: Site, group: str) -> None:
        """Wait until a group that the rule names has a healthy target."""
        deadline, pause_s = time.monotonic() + _WARM_WITHIN_S, 0.2
        while not (found := await balancer.health(site, group))[0]:
            if time.monotonic() > deadline:
                reason = f"no healthy target: {found[1]}"
                raise ProviderUnavailable(PROVIDER, "set weights", reason)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 2.0)

    async def _returned(self, site: Site, place: Place, wanted: list[dict[str, Any]]) -> Place:
        """Bring groups back that a commit took out, and let them be found healthy first."""
        there = {group.arn for group in place.groups}
        missing = [g.arn for g in forwards.groups(wanted) if g.weight and g.arn not in there]
        if not missing:
            return place
        named = (*place.groups, *(forwards.Group(arn, 0) for arn in missing))
        await balancer.write_place(site, place, forwards.with_groups(place.actions, named))
        try:
            for arn in missing:
                await self._warm(site, arn)
        except ProviderUnavailable:
            pass  # it serves the better for it than the version that is being left
        return await self._front.place(site)

    async def _before(
        self, site: Site, place: Place, stable: Revision, canary: Revision | None
    ) -> list[dict[str, Any]]:
        """Return the actions to go back to; ProviderRefused if nobody knows stable's group."""
        there = {group.arn for group in place.groups}
        found = await self._front.shares(site, place)
        made = await self._estate.version(site.service, canary.name) if canary else None
        new = made.backend if made else found.canary
        memory = None
        if canary is not None:
            memory = await self._front.memories.find(site, canary.name, stable.name)
        if memory is not None:
            actions = [dict(action) for action in memory.detail["actions"]]
            named = forwards.groups(actions)
        else:
            actions = [dict(action) for action in place.actions]
            group = await self._stable(site, place, stable)
            named = forwards.alone(group, place.groups, (new,))
            if not new and named == place.groups:
                return actions
        kept = new in there and not forwards.is_sticky(place.actions)
        if kept and all(one.arn != new for one in named):
            named = (*named, forwards.Group(new, 0))
        if forwards.frame(actions) == forwards.frame(place.actions):
            same = named == forwards.groups(actions)
            return actions if same else forwards.with_groups(actions, named)
        return forwards.with_groups(place.actions, named)

    async def _stable(self, site: Site, place: Place, stable: Revision) -> str:
        version = await self._estate.version(site.service, stable.name)
        if version is not None:
            return version.backend
        for group in place.groups:
            tags = (await balancer.backend(site, group.arn)).tags
            if tags.get(REVISION) == stable.name:
                return group.arn
        found = await self._front.shares(site, place)
        if found.stable and await self._names.of(site, found.stable) == stable.name:
            return found.stable
        reason = f"nobody knows the target group of {stable.name} any more"
        hint = "point the rule at the version that is meant to serve"
        raise ProviderRefused(PROVIDER, "restore", reason, hint=hint)
