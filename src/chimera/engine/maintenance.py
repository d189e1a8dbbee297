"""Removing what no rollout needs, in the process that holds the platform: `gc` and `down`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from chimera.core.errors import (
        ChimeraError,
        EngineError,
        ProviderUnavailable,
        RolloutConflict,
    )
    from chimera.core.model import Fence, Resource, Revision, Service
    from chimera.engine.beat import beating
    from chimera.engine.client import EngineClient
    from chimera.engine.deps import EngineDeps
    from chimera.engine.failures import mapped
    from chimera.engine.job import in_words
    from chimera.ports.sweeping import Sweeping

WORKFLOW = "maintenance"
TIMEOUT = timedelta(minutes=10)
DRAIN = timedelta(seconds=30)
# Above every generation that a rollout reaches: what nobody owns has no newer writer.
LAST_GENERATION = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What to remove: these revisions of a service, or the whole service.

    rest_of: rollouts that failed; what they left of a revision that serves by now.
    """

    service: Service
    remove: tuple[Revision, ...] = ()
    rest_of: tuple[str, ...] = ()
    uninstall: bool = False


@dataclass(frozen=True, slots=True)
class Maintained:
    """What was removed, what could not be, and why. busy: a rollout holds the service."""

    removed: tuple[Resource, ...] = ()
    left: tuple[Resource, ...] = ()
    reason: str = ""
    hint: str = ""
    busy: bool = False


@workflow.defn(name=WORKFLOW)
class MaintenanceWorkflow:
    """One piece of maintenance."""

    @workflow.run
    async def run(self, wanted: Maintenance) -> Maintained:
        """Have it done by the worker that holds the platform."""
        done: Maintained = await workflow.execute_activity(
            "maintain",
            wanted,
            result_type=Maintained,
            start_to_close_timeout=TIMEOUT,
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=5),
        )
        return done


class Maintainer:
    """The activity of maintenance."""

    def __init__(self, deps: EngineDeps) -> None:
        self._deps = deps

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return what the worker registers."""
        return (self.maintain,)

    @activity.defn(name="maintain")
    async def maintain(self, wanted: Maintenance) -> Maintained:
        """Remove it; what a provider refuses is an answer, not a failure."""
        holder = activity.info().workflow_id or ""
        async with beating():
            try:
                # From the last look at who holds the service to the end, no rollout of it begins.
                async with self._deps.ledger.held(wanted.service.name, holder):
                    return await self._maintain(wanted)
            except RolloutConflict as error:
                return Maintained(reason=str(error), hint=error.hint, busy=True)
            except ProviderUnavailable as error:
                raise ApplicationError(in_words(error), type="Unavailable") from error
            except ChimeraError as error:
                return Maintained(reason=in_words(error))

    async def _maintain(self, wanted: Maintenance) -> Maintained:
        platform = self._deps.platform(wanted.service.platform)
        if wanted.uninstall:
            return Maintained(removed=await platform.orchestrator.uninstall(wanted.service))
        removed: list[Resource] = []
        left: list[Resource] = []
        fence = Fence(f"gc-{activity.info().workflow_id}", LAST_GENERATION)
        for revision in wanted.remove:
            await platform.router.drain(wanted.service, revision, fence, DRAIN)
            gone, stays = await platform.orchestrator.remove(wanted.service, revision, fence)
            removed += gone
            left += stays
        if isinstance(platform, Sweeping):
            for rollout in wanted.rest_of:
                gone, stays = await platform.remove_rest(wanted.service, rollout, fence)
                removed += gone
                left += stays
        return Maintained(tuple(removed), tuple(left))


async def maintain(client: EngineClient, wanted: Maintenance) -> Maintained:
    """Have maintenance done and wait for it; EngineError says why it could not be.

    RolloutConflict if a rollout holds the service.
    """
    with mapped(address=client.address):
        done: Maintained = await client.temporal.execute_workflow(
            WORKFLOW,
            wanted,
            id=f"maintenance-{wanted.service.name}-{uuid.uuid4().hex[:8]}",
            task_queue=client.settings.task_queue,
            result_type=Maintained,
            run_timeout=TIMEOUT,
        )
    if done.busy:
        raise RolloutConflict(done.reason, hint=done.hint)
    if done.reason:
        raise EngineError(done.reason, hint="`chimera gc` tries again")
    return done
