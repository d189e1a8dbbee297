"""A platform: its ports under one name, found in the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from chimera.core.model import Revision, Service
from chimera.ports.inventory import Inventory
from chimera.ports.metrics import MetricSource
from chimera.ports.orchestrator import Orchestrator
from chimera.ports.router import Router


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `chimera doctor`: what was looked at, whether it is fine, what to do if not."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


class Platform(Protocol):
    """What runs services of one kind. Created once per process from the settings and an Inventory.

    options: the pydantic model of `target` in the spec, beyond `platform` (extra keys forbidden);
    each field documented, so that the schema and the error messages are complete.
    """

    name: str
    options: type[BaseModel]
    orchestrator: Orchestrator
    router: Router
    metrics: MetricSource

    def revision(self, service: Service, *, version: str, image: str) -> Revision:
        """Build the revision that the operator asked for; SpecError if it cannot be told."""

    async def start(self) -> None:
        """Bring up what the adapter needs in this process and re-adopt what a former one left."""

    async def close(self) -> None:
        """Let go of everything in this process; what serves users goes on."""

    async def doctor(self) -> Sequence[Check]:
        """Check that the platform can work here."""


class PlatformFactory(Protocol):
    """How the catalog makes a platform."""

    def __call__(self, inventory: Inventory, folder: str) -> Platform:
        """Make the platform; `folder` is its own place for files. Starts nothing."""
