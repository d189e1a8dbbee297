"""Running versions of a service on Amazon ECS, whatever steers their traffic."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from chimera.core.errors import ChimeraError, ProviderRefused
from chimera.core.model import Change, Fence, Readiness, Resource, Revision, Service
from chimera.platforms.aws import autoscaling, services
from chimera.platforms.aws.arms import Arm, arm_behind
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import SCALABLE_TARGET, Estate, Site, Version, scalable_id
from chimera.platforms.aws.front import Front, routed_still
from chimera.platforms.aws.making import Maker, refuse_same
from chimera.platforms.aws.naming import our_tags
from chimera.platforms.aws.planning import changes, first_changes
from chimera.platforms.aws.preflight import SCALING, Preflight
from chimera.platforms.aws.readiness import readiness, wait_ready
from chimera.platforms.aws.removing import Remover
from chimera.platforms.aws.sites import Sites

log = logging.getLogger(__name__)

_SCALES_WITHIN_S = 20.0


class EcsOrchestrator:
    """The Orchestrator of ECS; `front` is what differs between App Mesh and a load balancer."""

    def __init__(self, estate: Estate, sites: Sites, front: Front) -> None:
        self._estate = estate
        self._sites = sites
        self._front = front
        self._preflight = Preflight(front.platform)

    async def serving(self, site: Site) -> Arm:
        """Return the version that serves by default."""
        return await arm_behind(site, await self._front.serving(site))

    async def stable(self, service: Service) -> Revision | None:
        """Return the revision that the route leads to, None if its ECS service never had tasks."""
        arm = await self.serving(await self._sites.of(service))
        return None if arm.idle else arm.revision

    async def plan(self, service: Service, canary: Revision) -> tuple[Change, ...]:
        """Return each write of a rollout of `canary`, in order; refuses what could not start."""
        site = await self._sites.of(service)
        stable = await self.serving(site)
        await self._check(site, stable)
        maker = self._maker(site)
        making = maker.planned(stable, canary, "plan")
        pinned = await maker.pinned(making)
        writes = await self._front.writes(site, stable, making)
        if stable.idle:
            return first_changes(site, writes, making, pinned)
        scaling = await autoscaling.carried(site, str(stable.service["serviceName"]))
        return changes(site, writes, making, pinned, scaling)

    async def install(self, service: Service, revision: Revision, fence: Fence) -> None:
        """Run the very first version beside the idle service, and send it all the traffic."""
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "install")
        like = await self.serving(site)
        if not like.idle:
            if like.revision.name == revision.name:
                return
            reason = f"{like.revision.name} serves already"
            raise ProviderRefused(PROVIDER, "install", reason, hint="deploy it as a canary")
        await self._check(site, like)
        maker = self._maker(site, fence)
        making = maker.planned(like, revision, fence.rollout)
        try:
            version, _ = await maker.make(making, site.target.replicas)
            await wait_ready(site, self._front, version)
            await self._estate.check(service, fence, "install")
            await self._front.point(site, version.backend)
        except ProviderRefused:
            try:
                await self.uninstall(service, fence)
            except ChimeraError as error:  # why it does not run is what matters
                log.warning("aws.not_undone", extra={"reason": str(error)})
            raise

    async def start(
        self, service: Service, canary: Revision, replicas: int | None, fence: Fence
    ) -> tuple[Resource, ...]:
        """Start the canary beside stable; return when all its tasks can be reached."""
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "start")
        stable = await self.serving(site)
        if stable.idle:
            reason = f"no version of '{service.name}' runs yet"
            raise ProviderRefused(PROVIDER, "start", reason, hint="deploy its first version")
        refuse_same(stable, canary)
        await self._check(site, stable)
        maker = self._maker(site, fence)
        making = maker.planned(stable, canary, fence.rollout)
        version, made = await maker.make(making, replicas or stable.desired)
        await wait_ready(site, self._front, version)
        return made

    async def readiness(self, service: Service, revision: Revision) -> Readiness:
        """Say how many tasks of a revision run and can be reached now."""
        site = await self._sites.of(service)
        version = await self.version(site, revision)
        if version is None:
            return Readiness(0, 0, f"{revision.name} was not started")
        return await readiness(site, self._front, version)

    async def version(self, site: Site, revision: Revision) -> Version | None:
        """Return where a revision's resources are, None if it does not run here."""
        version = await self._estate.version(site.service, revision.name)
        if version is not None:
            return version
        arm = await self.serving(site)
        same = arm.revision.name == revision.name and not arm.idle
        return arm.version if same else None

    async def scale_to_stable(self, service: Service, canary: Revision, fence: Fence) -> None:
        """Give the canary stable's number of tasks and its automatic scaling."""
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "scale")
        version = await self._estate.version(service, canary.name)
        found = await services.describe(site, version.name) if version else None
        if version is None or found is None:
            raise ProviderRefused(PROVIDER, "scale", f"{canary.name} was never started")
        stable = await self.serving(site)
        wanted = max(stable.desired, int(found["desiredCount"]))
        await services.scale(site, version.name, wanted, found)
        if stable.revision.name != canary.name:
            await self._scale_alike(site, stable, version)
        await self._settle(site, version)

    async def remove(
        self, service: Service, revision: Revision, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """Remove what was made or adopted for a revision: backend, ECS service, task definition."""
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "remove")
        recorded = await self._estate.resources(service, revision.name)
        resources = tuple(one for one in recorded if site.holds(one))
        version = await self._estate.version(service, revision.name)
        if version and await routed_still(self._front, site, version):
            reason = f"{revision.name} is still routed to"
            hint = "move its traffic away first"
            raise ProviderRefused(PROVIDER, "remove", reason, hint=hint)
        return await self._remover(site).remove(resources)

    async def uninstall(self, service: Service, fence: Fence | None = None) -> tuple[Resource, ...]:
        """Give the route back to what was there first, and remove all that was made."""
        if fence is not None:
            await self._estate.check(service, fence, "uninstall")
        site = await self._sites.of(service)
        resources = await self._estate.resources(service)
        if not resources:
            return ()
        backend = await self._front.serving(site)
        if backend.ours:
            arm = await arm_behind(site, backend)
            if not arm.origin:
                reason = f"{arm.revision.name} serves, and what was there before it is gone"
                hint = "point the route elsewhere first"
                raise ProviderRefused(PROVIDER, "uninstall", reason, hint=hint)
            await self._front.point(site, arm.origin)
        removed, left = await self._remover(site).remove(resources)
        if left:
            reason = f"could not remove {', '.join(map(str, left))}"
            raise ProviderRefused(PROVIDER, "uninstall", reason, hint="see the log for the reasons")
        return removed

    async def _check(self, site: Site, like: Arm) -> None:
        """Refuse what cannot have a rollout, or would be denied half-way."""
        services.refuse_unfit(like.service)
        await self._front.check(site, like)
        target = await autoscaling.describe(site, str(like.service["serviceName"]))
        spare = await self._front.spare(site, like)
        await self._preflight.check(site, like, spare if target else {*spare, *SCALING})

    async def _scale_alike(self, site: Site, stable: Arm, version: Version) -> None:
        target = await autoscaling.describe(site, str(stable.service["serviceName"]))
        if target is None:
            return
        record = version.resource(site, SCALABLE_TARGET, scalable_id(version))
        await self._estate.record(record)
        tags = our_tags(site.service, version.revision, version.rollout, version.name)
        await autoscaling.carry_over(site, target, stable.version, version, tags)

    async def _settle(self, site: Site, version: Version) -> None:
        """Wait a while for new tasks: callers ask again and again, and each time costs calls."""
        deadline, pause_s = time.monotonic() + _SCALES_WITHIN_S, 0.3
        while time.monotonic() < deadline:
            if (await readiness(site, self._front, version)).ok:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 4.0)

    def _maker(self, site: Site, fence: Fence | None = None) -> Maker:
        if fence is None:
            return Maker(site, self._front, self._estate, _unfenced)
        check = partial(self._estate.check, site.service, fence, "start")
        return Maker(site, self._front, self._estate, check)

    def _remover(self, site: Site) -> Remover:
        return Remover(site, self._front, self._estate)


async def _unfenced() -> None:
    """Nothing overtakes a plan."""
