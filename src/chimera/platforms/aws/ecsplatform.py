"""What every platform on Amazon ECS is: its ports put together; only the routing differs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from pydantic import BaseModel

from chimera.core.model import Resource, Revision, Service
from chimera.platforms.aws.cloudwatch import CloudWatchMetrics, MetricMap
from chimera.platforms.aws.ecs import EcsOrchestrator
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.examining import Examiner
from chimera.platforms.aws.found import ServiceFacts, Traffic
from chimera.platforms.aws.front import Front
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.options import EcsTarget, build_revision, target_of
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
