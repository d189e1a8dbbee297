"""A platform between a test and the engine: counts every call, and lets the test trouble some.

It changes nothing of what the adapter does; a test says what happens before a call goes through.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from chimera.ports.metrics import MetricSource
from chimera.ports.orchestrator import Orchestrator
from chimera.ports.platform import Platform
from chimera.ports.router import Router
from chimera.ports.urgency import is_urgent

PORTS = ("orchestrator", "router", "metrics")


@dataclass
class Trouble:
    """What happens to the calls of one operation.

    error: raised before the call, as long as `times` is not used up (None: for ever). gate: the
    call waits until it is open.
    """

    error: Exception | None = None
    times: int | None = None
    gate: asyncio.Event | None = None


@dataclass
class Interposed:
    """Wraps a platform; `trouble` by operation, "router.set_weights"; `calls` in order.

    urgent: the operations that were called while users waited for them.
    """

    inner: Platform
    trouble: dict[str, Trouble] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    urgent: set[str] = field(default_factory=set)

    @property
    def platform(self) -> Platform:
        """The platform that the engine is given."""
        return cast("Platform", self)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def orchestrator(self) -> Orchestrator:
        return cast("Orchestrator", _Port(self, "orchestrator"))

    @property
    def router(self) -> Router:
        return cast("Router", _Port(self, "router"))

    @property
    def metrics(self) -> MetricSource:
        return cast("MetricSource", _Port(self, "metrics"))

    def operations(self, *wanted: str) -> list[str]:
        """The operations called so far, in order; only those of `wanted` if any is given."""
        return [name for name, _ in self.calls if not wanted or name in wanted]

    async def pass_through(self, operation: str, args: tuple[Any, ...]) -> None:
        """Note a call, and hold or fail it as the test asked."""
        self.calls.append((operation, args))
        if is_urgent():
            self.urgent.add(operation)
        trouble = self.trouble.get(operation)
        if trouble is None:
            return
        if trouble.gate is not None:
            await trouble.gate.wait()
        if trouble.error is not None and (trouble.times is None or trouble.times > 0):
            trouble.times = None if trouble.times is None else trouble.times - 1
            raise trouble.error


class _Port:
    def __init__(self, owner: Interposed, name: str) -> None:
        self._owner = owner
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(getattr(self._owner.inner, self._name), attribute)
        if not inspect.iscoroutinefunction(value):
            return value
        return _calling(self._owner, f"{self._name}.{attribute}", value)


def _calling(owner: Interposed, operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
    async def through(*args: Any) -> Any:
        await owner.pass_through(operation, args)
        return await call(*args)

    return through
