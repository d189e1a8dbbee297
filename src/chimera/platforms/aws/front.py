"""What differs between the ways to steer traffic to ECS tasks, as one Protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chimera.core.model import Change, Resource
from chimera.platforms.aws.arms import Arm, Backend
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.options import EcsTarget

# AWS shows a write everywhere within about a second.
_PAST_S = (0.2, 0.4, 0.8)


@dataclass(frozen=True, slots=True)
class Making:
    """A version about to be made: what it is cloned from, where it will be, and its tags."""

    like: Arm
    version: Version
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Writes:
    """What a rollout writes beside ECS, each in order.

    before: until the new version's tasks start. steps: one or more times each, for its weights.
    promotion: when it has all traffic for good. gone, gone_after: what goes with the old version,
    before and after its ECS service.
    """

    before: tuple[Change, ...]
    steps: tuple[Change, ...]
    promotion: tuple[Change, ...]
    gone: tuple[Change, ...] = ()
    gone_after: tuple[Change, ...] = ()


class Front(Protocol):
    """What a version's tasks stand behind: a virtual node, a target group. It knows the route, too.

    Each write finds its own work done and completes it. platform: its name. options: the model of
    `target`. clients: the services of AWS that it calls, by boto3's names.
    """

    platform: str
    options: type[EcsTarget]
    clients: Sequence[str]

    async def serving(self, site: Site) -> Backend:
        """Return the backend that serves by default: a canary that has weights beside it is not it.

        ProviderRefused if the route does not exist or cannot be steered.
        """

    async def check(self, site: Site, stable: Arm) -> None:
        """Refuse, before anything is made, what cannot carry a canary; ProviderRefused says why."""

    async def spare(self, site: Site, stable: Arm) -> frozenset[str]:
        """Return the permissions that a rollout on the platform needs, but not here."""

    def name(self, site: Site, stable: Arm, name: str) -> str:
        """Return the name or ARN by which the backend of a version `name` will be known.

        "" if that is known only after it was made.
        """

    async def resources(self, site: Site, making: Making) -> tuple[Resource, ...]:
        """Return the records of what `make` will make, to be written down before."""

    async def make(self, site: Site, making: Making) -> Version:
        """Make the backend; return the version with its `backend`."""

    async def adapt_definition(self, site: Site, making: Making, request: dict[str, Any]) -> None:
        """Change the request for the task definition: the sidecar, labels, ports."""

    async def adapt_service(self, site: Site, making: Making, request: dict[str, Any]) -> None:
        """Change the request for the ECS service: registries, load balancers."""

    async def reachable(
        self, site: Site, version: Version, service: Mapping[str, Any]
    ) -> tuple[int, str]:
        """Return how many tasks the data plane can reach now, and what the others say.

        service: the version's ECS service as DescribeServices tells it.
        """

    async def routed(self, site: Site, version: Version) -> bool:
        """Whether the route names the version's backend with a weight above 0."""

    async def point(self, site: Site, backend: str) -> None:
        """Send all traffic to one backend and read it back: a first version, or the end of all."""

    async def adopted(self, site: Site, arm: Arm, version: Version) -> tuple[Resource, ...]:
        """Return the records of the backend of a version that Chimera did not make."""

    async def remove(self, site: Site, resource: Resource) -> None:
        """Remove one of its own resources; gone is fine."""

    def order(self, resource: Resource) -> int:
        """Return when a resource goes: below 0 before the ECS service (0), above 10 at the end."""

    async def writes(self, site: Site, stable: Arm, making: Making) -> Writes:
        """Return what a rollout writes here; reads only."""


async def routed_still(front: Front, site: Site, version: Version) -> bool:
    """Whether the route gives a version weight, told more than once: a read may show the past."""
    for pause_s in _PAST_S:
        if not await front.routed(site, version):
            return False
        await asyncio.sleep(pause_s)
    return await front.routed(site, version)
