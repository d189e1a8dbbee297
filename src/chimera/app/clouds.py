"""AWS as a Chimera sees it, this one or another: what a command line asks before a rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chimera.app.cloud import Found, Identity, ServiceFacts
from chimera.core.model import Change


class AnySetup(Protocol):
    """A cluster's one-time preparation for ecs-appmesh."""

    async def plan(self) -> Sequence[Change]:
        """Return each write that `apply` would do now; none if all is there."""

    async def apply(self) -> Sequence[Change]:
        """Make what is missing; return what was done."""

    async def removal(self) -> Sequence[Change]:
        """Return each write that `remove` would do now."""

    async def remove(self) -> Sequence[Change]:
        """Take away what `apply` made; return what was done."""


class AnyCloud(Protocol):
    """Profiles, roles and credentials are those of the machine that the Chimera runs on."""

    async def discover(
        self, identity: Identity, platform: str, *, regions: Sequence[str] = (), cluster: str = ""
    ) -> Sequence[Found]:
        """List all that matters to a platform, each with the reason when it cannot be used."""

    async def facts(
        self, identity: Identity, platform: str, settings: Mapping[str, Any], *, name: str = "new"
    ) -> ServiceFacts:
        """Return what is to know of one service before a rollout. settings: of its target."""

    async def setup(
        self, identity: Identity, cluster: str, *, namespace: str = "", image: str = ""
    ) -> AnySetup:
        """Look at a cluster's one-time preparation."""
