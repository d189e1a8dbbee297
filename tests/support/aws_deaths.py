"""A controller that dies at every write to AWS: once before it is sent, once after it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chimera.core.errors import ProviderUnavailable
from chimera.sandbox.calls import is_write

T = TypeVar("T")
MAX_TRIES = 60


class Died(Exception):
    """The controller was killed at this point."""


@dataclass
class Deaths:
    """Hears of each request. deadly: every write of every step kills, twice.

    writes: how often each was sent. died: the points of death, "step ecs CreateService sent".
    """

    deadly: bool = False
    writes: Counter[str] = field(default_factory=Counter)
    died: Counter[str] = field(default_factory=Counter)
    _step: str = ""

    def hear(self, service: str, operation: str, moment: str) -> None:
        """Be told of a request; the hook of `Accounts`."""
        if not is_write(operation):
            return
        self.writes[f"{service} {operation}"] += moment == "sent"
        point = f"{self._step} {service} {operation} {moment}"
        if self.deadly and not self.died[point]:
            self.died[point] += 1
            raise Died(point)

    async def step(
        self,
        name: str,
        work: Callable[[], Awaitable[T]],
        revive: Callable[[], Awaitable[None]] | None,
    ) -> T:
        """Do a step, again and again by a new controller, until it is through; once without."""
        self._step = name
        if revive is None:
            return await work()
        for _ in range(MAX_TRIES):
            try:
                return await work()
            except (Died, ProviderUnavailable):
                await revive()
        raise AssertionError(f"{name} never came through")

    def check(self) -> None:
        """Fail if a write was sent that did not kill both before and after."""
        killed = {" ".join(point.split(" ")[-3:]) for point in self.died}
        wanted = {f"{write} {moment}" for write in self.writes for moment in ("sent", "answered")}
        assert not self.deadly or killed == wanted
