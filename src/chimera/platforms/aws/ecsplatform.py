"""What every platform on Amazon ECS is: its ports put together; only the routing differs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from pydantic import BaseModel

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence, Resource, Revision, Service
from chimera.platforms.aws.cloudwatch import CloudWatchMetrics, MetricMap
from chimera.platforms.aws.ecs import EcsOrchestrator
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import ECS_SERVICE, Estate, Site, version_in
from chimera.platforms.aws.examining import Examiner
from chimera.platforms.aws.found import ServiceFacts, Traffic
from chimera.platforms.aws.front import Front, routed_still
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.naming import ROLLOUT
from chimera.platforms.aws.options import EcsTarget, build_revision, target_of
from chimera.platforms.aws.removing import Remover
from chimera.platforms.aws.session import Accounts
from chimera.platforms.aws.simulation import why_unknown
from chimera.platforms.aws.sites import Sites
from chimera.ports.metrics import MetricSource
from chimera.ports.orchestrator import Orchestrator
from chimera.ports.platform import Check
from chimera.ports.router import Router


class EcsPlatform:
    """Runs services on ECS. A platform adds its name, its options, its front and its router."""

    name: str
    options: type[BaseModel]
    orchestrator: Orchestrator
    router: Router
    metrics: MetricSource

    def __init__(
        self, estate: Estate, target: type[EcsTarget], front: Front, metrics: MetricMap
    ) -> None:
        self.accounts, self._target = Accounts(), target
        self._estate, self._front = estate, front
        self._sites = sites = Sites(self.accounts, target, front.clients)
        self.orchestrator = EcsOrchestrator(estate, sites, front)
        self.metrics = found = CloudWatchMetrics(estate, sites, front, metrics)
        self._examiner = Examiner(self.name, self.accounts, sites, front, found)

    def revision(self, service: Service, *, version: str, image: str) -> Revision:
        """Name what the operator asked for."""
        target_of(service, self._target)
        return build_revision(service, version=version, image=image)

    async def start(self) -> None:
        """Nothing: all state is in AWS and in the Inventory."""

    async def close(self) -> None:
        """Let go of the threads; what serves users goes on."""
        self.accounts.close()

    async def survey(self, service: Service) -> tuple[Resource, ...]:
        """Return everything of a service that bears our tags, told by AWS alone."""
        return await self._survey(await self._sites.of(service))

    @abstractmethod
    async def _survey(self, site: Site) -> tuple[Resource, ...]: ...

    async def notes(self, service: Service) -> tuple[str, ...]:
        """Return what to know before a rollout beside its writes, one sentence each."""
        why = await why_unknown((await self._sites.of(service)).account)
        said = f"it is not known whether all of this is allowed ({why}): a call that is not says so"
        return (said,) if why else ()

    async def origin(self, service: Service) -> str:
        """Return the rollout that made the version which serves by default, "" if none did."""
        return (await self._front.serving(await self._sites.of(service))).tags.get(ROLLOUT, "")

    async def remove_rest(
        self, service: Service, rollout: str, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """Remove what one rollout left, whatever revision it is of; return (removed, left)."""
        site = await self._sites.of(service)
        await self._estate.check(service, fence, "remove")
        recorded = await self._estate.inventory.find(service=service.name, rollout=rollout)
        rest = tuple(r for r in recorded if site.holds(r) and not r.detail.get("adopted"))
        serves = await self.origin(service) == rollout
        for version in map(version_in, (one for one in rest if one.kind == ECS_SERVICE)):
            serves = serves or await routed_still(self._front, site, version)
        if serves:
            reason = f"what rollout {rollout} made is still routed to"
            raise ProviderRefused(PROVIDER, "remove", reason, hint="move its traffic away first")
        return await Remover(site, self._front, self._estate).remove(rest)

    async def doctor(self) -> Sequence[Check]:
        """Check who boto3's own search makes us, and that we may do all that a rollout does."""
        account = await self.accounts.open(Identity(), "sts", "iam", "ecs")
        return await self._examiner.account(account)

    async def examine(self, service: Service) -> Sequence[Check]:
        """Check all that a rollout of a service needs, under the identity that its spec names."""
        return await self._examiner.service(service)

    async def facts(self, service: Service) -> ServiceFacts:
        """Return what is to know of a service before a rollout."""
        return await self._examiner.facts(service)

    async def recent(self, service: Service, revision: Revision) -> Traffic | None:
        """Return what a revision met lately; None if the metrics hold nothing of it."""
        return await self._examiner.metrics.recent(service, revision)
