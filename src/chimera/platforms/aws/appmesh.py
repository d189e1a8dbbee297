"""Steering traffic by the weights of an App Mesh route."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.aws import mesh
from chimera.platforms.aws.arms import arm_behind
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.front import Front, routed_still
from chimera.platforms.aws.making import adopt, disown
from chimera.platforms.aws.names import Names
from chimera.platforms.aws.routememory import MEMORY, Memory, memory_of
from chimera.platforms.aws.routes import Target, alone, percent, split
from chimera.platforms.aws.sites import Sites
from chimera.ports.urgency import urgent

FOREIGN = "(route changed outside Chimera)"


class AppMeshRouter:
    """The Router of App Mesh. There is no lease: Envoy keeps the last weights it was told."""

    leased = False

    def __init__(self, estate: Estate, sites: Sites, front: Front) -> None:
        self._estate = estate
        self._sites = sites
        self._front = front
        self._writing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._names = Names(mesh.node_backend)

    async def read(self, service: Service) -> Split:
        """Return the split that the route says; Envoys follow within `propagation`."""
        site = await self._sites.of(service)
        return await self._split(site, await mesh.read_route(site))

    async def set_weights(
        self,
        service: Service,
        split: Split,
        fence: Fence,
        lease: timedelta,  # noqa: ARG002 - nothing in App Mesh can forget a weight
    ) -> None:
        """Put `split` into the route, read it back, and wait until every Envoy has heard of it."""
        site = await self._sites.of(service)
        async with self._writing[service.name]:
            await self._estate.check(service, fence, "set weights")
            route = await mesh.read_route(site)
            wanted = await self._wanted(site, split, route.targets)
            await self._remember(site, route, split, fence)
            await self._estate.check(service, fence, "set weights")
            await mesh.write_route(site, route, wanted)
        if split.weight:
            # What is counted before belongs to the former weight.
            await asyncio.sleep(mesh.options(site).propagation.total_seconds())

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
        old: Revision,
        new: Revision,
        fence: Fence,
        lease: timedelta,  # noqa: ARG002
    ) -> None:
        """Point the route at the new version's node alone; the old version is ours to remove."""
        site = await self._sites.of(service)
        async with self._writing[service.name]:
            await self._estate.check(service, fence, "commit")
            version = await self._estate.version(service, new.name)
            if version is None:
                raise ProviderRefused(PROVIDER, "commit", f"{new.name} was never started")
            route = await mesh.read_route(site)
            first = route.targets[0].node
            if first != version.backend:
                await self._remember(site, route, Split(old.name, new.name), fence)
                if await self._is_foreign(site, route):
                    reason = "the route was changed outside Chimera"
                    hint = "put it back as it was, or abort the rollout"
                    raise ProviderRefused(PROVIDER, "commit", reason, hint=hint)
                arm = await arm_behind(site, await mesh.node_backend(site, first))
                if not arm.backend.ours:
                    await adopt(self._estate, site, self._front, arm, fence.rollout)
            await self._estate.check(service, fence, "commit")
            await mesh.write_route(site, route, alone(version.backend, route.targets))

    async def restore(
        self, service: Service, stable: Revision, canary: Revision, fence: Fence
    ) -> None:
        """Put the targets back that the route had before; goes before all other calls."""
        with urgent():
            site = await self._sites.of(service)
            async with self._writing[service.name]:
                await self._estate.check(service, fence, "restore")
                route = await mesh.read_route(site)
                wanted = await self._before(site, stable, canary, route.targets)
                await mesh.write_route(site, route, wanted)
            await disown(self._estate, site, stable)

    async def drain(
        self, service: Service, revision: Revision, fence: Fence, timeout: timedelta
    ) -> int:
        """Wait until every Envoy has heard of the route's last change, then forget the revision.

        App Mesh does not say how many requests are in flight; 0 is returned.
        """
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "drain")
        version = await self._estate.version(service, revision.name)
        if version is None:
            return 0
        async with self._writing[service.name]:
            if await routed_still(self._front, site, version):
                raise ProviderRefused(PROVIDER, "drain", f"{revision.name} still has traffic")
            route = await mesh.take_out(site, version.backend)
        age = datetime.now(UTC) - route.changed_at
        waiting = mesh.options(site).propagation - max(age, timedelta(0))
        if waiting > timedelta(0):
            await asyncio.sleep(min(waiting, timeout).total_seconds())
        for memory in await self._memories(site):
            known = memory.resource
            if known.rollout == fence.rollout and known.revision != revision.name:
                await self._estate.forget(known)
        return 0

    async def _split(self, site: Site, route: mesh.Route) -> Split:
        found = route.targets
        stable = await self._names.of(site, found[0].node)
        if not stable:
            reason = f"no version of '{site.service.name}' runs yet"
            raise ProviderUnavailable(PROVIDER, "read the route", reason)
        weight = percent(found)
        if weight is None or await self._is_foreign(site, route):
            return Split(f"{stable} {FOREIGN}")
        if len(found) == 1:
            return Split(stable)
        canary = await self._names.of(site, found[1].node)
        if not canary or canary == stable:
            return Split(f"{stable} {FOREIGN}")
        return Split(stable, canary, weight)

    async def _is_foreign(self, site: Site, route: mesh.Route) -> bool:
        """Whether the route differs from what a rollout found in more than it changes itself.

        Stable's name says nothing: whatever node has no tags of ours leads to the same ECS service.
        """
        memories = await self._memories(site)
        if not memories:
            return False
        memory, first = memories[-1], route.targets[0].node
        if not memory.framed_alike(route):
            return True
        canary = await self._estate.version(site.service, memory.resource.revision)
        return first not in {memory.node, canary.backend if canary else ""}

    async def _wanted(
        self, site: Site, wanted: Split, found: Sequence[Target]
    ) -> tuple[Target, ...]:
        stable = await self._names.of(site, found[0].node)
        if stable != wanted.stable:
            reason = f"stable is {stable or 'none'}, not {wanted.stable}"
            raise ProviderRefused(PROVIDER, "set weights", reason)
        if not wanted.canary:
            return await self._before(site, Revision(stable), None, found)
        version = await self._estate.version(site.service, wanted.canary)
        if version is None:
            reason = f"{wanted.canary} was never started"
            raise ProviderRefused(PROVIDER, "set weights", reason)
        memories = [one for one in await self._memories(site) if one.fits(stable, wanted.canary)]
        node = memories[-1].node if memories else found[0].node
        return split(node, version.backend, wanted.weight, found)

    async def _remember(self, site: Site, route: mesh.Route, split: Split, fence: Fence) -> None:
        """Write down what the route said before the first change of a rollout."""
        if len(route.targets) > 1 or not split.canary:
            return
        memory = memory_of(
            route,
            service=site.service.name,
            stable=split.stable,
            canary=split.canary,
            rollout=fence.rollout,
        )
        await self._estate.record(memory)

    async def _before(
        self, site: Site, stable: Revision, canary: Revision | None, found: Sequence[Target]
    ) -> tuple[Target, ...]:
        """Return the targets to go back to; ProviderRefused if nobody knows stable's node."""
        for memory in await self._memories(site):
            if memory.fits(stable.name, canary.name if canary else ""):
                return memory.targets
        version = await self._estate.version(site.service, stable.name)
        if version is not None:
            return alone(version.backend, found)
        for target in found:
            if await self._names.of(site, target.node) == stable.name:
                return tuple(found) if len(found) == 1 else alone(target.node, found)
        reason = f"nobody knows the virtual node of {stable.name} any more"
        hint = "point the route at the version that is meant to serve"
        raise ProviderRefused(PROVIDER, "restore", reason, hint=hint)

    async def _memories(self, site: Site) -> tuple[Memory, ...]:
        """Return what is remembered of a service's route, the newest last."""
        found = await self._estate.inventory.find(service=site.service.name, kind=MEMORY)
        return tuple(map(Memory, found))
