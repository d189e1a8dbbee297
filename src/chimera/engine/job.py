"""What every effect is carried out with, and what they share: reading and comparing routes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from chimera.core.errors import ChimeraError, ProviderUnavailable
from chimera.core.events import Failed, ForeignEdit
from chimera.core.model import Split
from chimera.engine.beat import Beat
from chimera.engine.deps import Clock, no_provider
from chimera.engine.looks import LookWriter
from chimera.engine.messages import Task
from chimera.engine.own import Providers
from chimera.ports.platform import Platform

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One effect to carry out, and the means for it."""

    task: Task
    platform: Platform
    clock: Clock
    looks: LookWriter
    beat: Beat
    provider: Providers = no_provider

    @property
    def call_limit_s(self) -> float:
        """How long one call to a provider may take, seconds: two of them fit into a lease."""
        return max(self.task.rollout.plan.lease.total_seconds() / 3, 1.0)

    async def read_routes(self) -> Split:
        """Return the split in force; ProviderUnavailable also when there is no answer in time."""
        return await self.limited(
            self.platform.router.read(self.task.rollout.service), "read the routes"
        )

    async def limited(self, call: Awaitable[T], operation: str, limit_s: float = 0.0) -> T:
        """Return what `call` does; ProviderUnavailable if it takes longer than `limit_s` allows."""
        limit_s = limit_s or self.call_limit_s
        try:
            # Not wait_for: Python 3.11's swallows a cancellation that meets the answer.
            async with asyncio.timeout(limit_s):
                return await call
        except TimeoutError as error:
            raise ProviderUnavailable(
                self.platform.name, operation, f"no answer within {limit_s:.0f} s"
            ) from error

    def failed(self, reason: str) -> Failed:
        """Say that this effect cannot be carried out."""
        return Failed(at=self.clock.now(), generation=self.task.effect.generation, reason=reason)

    def foreign(self, expected: Split, observed: Split) -> ForeignEdit:
        """Say that somebody else changed the routes."""
        return ForeignEdit(
            at=self.clock.now(),
            generation=self.task.effect.generation,
            expected=str(expected),
            observed=str(observed),
        )


def same(one: Split, other: Split) -> bool:
    """Whether two splits are the same to users: at weight 0 the canary's name is nothing."""
    return (
        one.stable == other.stable
        and one.weight == other.weight
        and (one.weight == 0 or one.canary == other.canary)
    )


def lease_ran_out(leased: bool, expected: Split, observed: Split) -> bool:
    """Whether what is observed is what the dead-man's switch makes of what is expected."""
    return (
        leased
        and observed.stable == expected.stable
        and observed.weight == 0
        and expected.weight > 0
    )


def in_words(error: Exception) -> str:
    """Say an error for a person: ours have a sentence and perhaps a hint, others are internal."""
    if isinstance(error, ChimeraError):
        return f"{error} ({error.hint})" if error.hint else str(error)
    return f"internal error: {type(error).__name__}: {error} (the log has the details)"
