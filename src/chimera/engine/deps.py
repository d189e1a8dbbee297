"""What the engine needs from the app that wires it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from chimera.core.errors import UnknownAdapter
from chimera.engine.own import Providers
from chimera.ports.ledger import Ledger
from chimera.ports.platform import Platform
from chimera.ports.queries import QueryProvider


class Clock(Protocol):
    """Time as the activities see it; a simulation brings one that runs faster."""

    def now(self) -> datetime:
        """Return the aware UTC time, for people to read."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for durations."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some start, unmoved by clock changes."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(seconds)


def no_provider(name: str) -> QueryProvider:
    """Stand for metric providers where there are none."""
    raise UnknownAdapter("metric provider", name, ())


@dataclass(frozen=True)
class EngineDeps:
    """The ledger, the platforms by name (UnknownAdapter for another), the clock.

    provider: the metric providers, likewise by name.
    """

    ledger: Ledger
    platform: Callable[[str], Platform]
    clock: Clock = field(default_factory=SystemClock)
    provider: Providers = no_provider
