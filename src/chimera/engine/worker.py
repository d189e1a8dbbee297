"""A worker: takes workflows and activities of one queue from Temporal and runs them here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.worker import Interceptor, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from chimera import __version__
from chimera.engine.activities import Activities
from chimera.engine.client import EngineClient
from chimera.engine.deps import EngineDeps
from chimera.engine.failures import mapped
from chimera.engine.maintenance import Maintainer, MaintenanceWorkflow
from chimera.engine.settings import EngineSettings
from chimera.engine.workflow import RolloutWorkflow

# The sandbox would load these anew for each rollout; all but the workflow itself are safe to share.
PASSED_THROUGH = (
    "chimera.core",
    "chimera.ports",
    "chimera.engine.messages",
    "chimera.engine.policy",
    "chimera.engine.safely",
    "pydantic",
    "pydantic_core",
)


# Decisions taken at a time. Each is a thread that wants the interpreter, and so do the watches, on
# one thread: with the SDK's 100, a crowd of new rollouts let all looks wait.
DECISIONS = 4
LONGEST_STOP_S = 10.0
LONGEST_DECISION_S = 30.0

log = logging.getLogger(__name__)


def sandbox() -> SandboxedWorkflowRunner:
    """Return what workflows run in, here and in replays."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)


@asynccontextmanager
async def run_worker(
    settings: EngineSettings,
    address: str,
    deps: EngineDeps,
    interceptors: Sequence[Interceptor] = (),
) -> AsyncIterator[Worker]:
    """Run a worker while the block lasts; several may share a queue.

    Leaving the block stops it at once: a watch under way goes on where it was in another worker, or
    in the next one.
    """
    asyncio.get_running_loop().set_exception_handler(_but_for_late_answers)
    client = await EngineClient.connect(settings, address)
    activities = Activities(deps)
    worker = Worker(
        client.temporal,
        task_queue=settings.task_queue,
        workflows=[RolloutWorkflow, MaintenanceWorkflow],
        activities=[*activities.all(), *Maintainer(deps).all()],
        interceptors=interceptors,
        max_concurrent_activities=settings.max_activities,
        max_cached_workflows=settings.max_cached_rollouts,
        max_concurrent_workflow_tasks=DECISIONS,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_s),
        graceful_shutdown_timeout=timedelta(0),
        workflow_runner=sandbox(),
        # By default the SDK reads all the code that is loaded to make one up, which takes 0.4 s.
        build_id=f"chimera-{__version__}",
    )
    _unhurried(worker)
    with mapped(address=address):
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await _stopped(worker, running)
            await activities.close()


def _unhurried(worker: Worker) -> None:
    """Let a decision take as long as a busy machine needs.

    After 2 s the SDK takes a rollout's decision for a deadlock and throws an error into its thread,
    wherever that is. Ours take milliseconds of a processor and wait for nothing but their turn; the
    SDK has no setting for this.
    """
    decisions = getattr(worker, "_workflow_worker", None)
    if decisions is not None and hasattr(decisions, "_deadlock_timeout_seconds"):
        decisions._deadlock_timeout_seconds = LONGEST_DECISION_S


async def _stopped(worker: Worker, running: asyncio.Task[None]) -> None:
    """Stop a worker; give up after a while.

    On a busy machine the SDK's last call into its core now and then never returns. By then all work
    is handed in.
    """
    stopping = asyncio.create_task(worker.shutdown())
    _, late = await asyncio.wait({running, stopping}, timeout=LONGEST_STOP_S)
    if late:
        log.warning("engine.worker_stop_given_up", extra={"after_s": LONGEST_STOP_S})
        running.cancel()
    await asyncio.gather(running, stopping, return_exceptions=True)


def _but_for_late_answers(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of an answer to a call that was cancelled; the SDK's core gives some."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)
