"""The activities: one per kind of effect, and `record`. Here errors become results or retries.

- ProviderUnavailable: Temporal tries again, after `retry_after` if the provider said so.
- Any other ChimeraError: Failed; the state machine rolls back, or tries the cleanup again.
- Anything unexpected: logged, tried MAX_TRIES times in a row, then Failed.
- During Restore: always tried again, it never gives up; now and then it says that it is in vain.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from chimera.core.effects import RemoveCanary, RemoveOld, Restore
from chimera.core.errors import ChimeraError, ProviderUnavailable
from chimera.core.events import AnyResult, Failed, Removed
from chimera.engine.beat import Beat, beating
from chimera.engine.deps import EngineDeps
from chimera.engine.job import Job, in_words
from chimera.engine.looks import LookWriter
from chimera.engine.messages import Outcome, Record, Task, describe
from chimera.engine.overtaking import Overtaking
from chimera.engine.steps import perform

log = logging.getLogger(__name__)

MAX_TRIES = 3
# Ever longer: each time costs a page of the rollout's history, which has an end.
IN_VAIN_S = (10.0, 60.0, 600.0, 3600.0)


class Activities:
    """All activities of one worker."""

    def __init__(self, deps: EngineDeps) -> None:
        self._deps = deps
        self._looks = LookWriter(deps.ledger)
        self._overtaking = Overtaking()

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return what the worker registers."""
        return (
            self.prepare,
            self.install,
            self.shift,
            self.watch,
            self.commit,
            self.restore,
            self.remove_canary,
            self.remove_old,
            self.record,
        )

    async def close(self) -> None:
        """Write the looks that wait for the ledger."""
        await self._looks.close()

    @activity.defn(name="prepare")
    async def prepare(self, task: Task) -> Outcome:
        """Start the canary."""
        return await self._carry_out(task)

    @activity.defn(name="install")
    async def install(self, task: Task) -> Outcome:
        """Run the very first version."""
        return await self._carry_out(task)

    @activity.defn(name="shift")
    async def shift(self, task: Task) -> Outcome:
        """Set a weight."""
        return await self._carry_out(task)

    @activity.defn(name="watch")
    async def watch(self, task: Task) -> Outcome:
        """Look and judge, going on where a former worker was."""
        return await self._carry_out(task)

    @activity.defn(name="commit")
    async def commit(self, task: Task) -> Outcome:
        """Promote."""
        return await self._carry_out(task)

    @activity.defn(name="restore")
    async def restore(self, task: Task) -> Outcome:
        """Give all traffic to stable."""
        return await self._carry_out(task)

    @activity.defn(name="remove_canary")
    async def remove_canary(self, task: Task) -> Outcome:
        """Remove the new version."""
        return await self._carry_out(task)

    @activity.defn(name="remove_old")
    async def remove_old(self, task: Task) -> Outcome:
        """Remove the version that was stable before."""
        return await self._carry_out(task)

    @activity.defn(name="record")
    async def record(self, record: Record) -> None:
        """Append entries to the ledger."""
        async with beating():
            try:
                await self._deps.ledger.append(record.rollout, record.entries)
            except Exception as error:
                log.warning(
                    "ledger.unavailable",
                    extra={"rollout": record.rollout, "reason": in_words(error)},
                    exc_info=not isinstance(error, ChimeraError),
                )
                raise _retried(in_words(error), "Ledger") from error

    async def _carry_out(self, task: Task) -> Outcome:
        effect = task.effect
        wait = not isinstance(effect, Restore)
        try:
            async with (
                self._overtaking.enter(task.rollout.id, effect.generation, wait=wait),
                beating() as beat,
            ):
                return Outcome(await self._tenaciously(task, beat))
        except asyncio.CancelledError:
            if self._overtaking.overtaken():
                return Outcome(self._failed(task, "a newer wish has overtaken this one"))
            if activity.is_worker_shutdown():
                raise _retried("this worker stops", "Stopping") from None
            raise

    async def _tenaciously(self, task: Task, beat: Beat) -> AnyResult:
        tries = 0
        while True:
            try:
                platform = self._deps.platform(task.rollout.service.platform)
                job = Job(task, platform, self._deps.clock, self._looks, beat, self._deps.provider)
                return await perform(job)
            except ProviderUnavailable as error:
                return self._unavailable(task, error)
            except ChimeraError as error:
                return self._given_up(task, error)
            except Exception as error:
                log.exception("effect.unexpected_error", extra=_fields(task))
                tries += 1
                if tries >= MAX_TRIES:
                    return self._given_up(task, error)
                await asyncio.sleep(0.1 * 2**tries)

    def _unavailable(self, task: Task, error: ProviderUnavailable) -> AnyResult:
        """Let Temporal try again; a removal is tried again by the state machine, which says so."""
        log.warning("effect.unavailable", extra={**_fields(task), "reason": str(error)})
        if isinstance(task.effect, RemoveCanary | RemoveOld):
            return self._not_removed(task, error)
        return self._once_more(task, error, error.retry_after)

    def _given_up(self, task: Task, error: Exception) -> AnyResult:
        log.error("effect.failed", extra={**_fields(task), "reason": in_words(error)})
        if isinstance(task.effect, RemoveCanary | RemoveOld):
            return self._not_removed(task, error)
        if isinstance(task.effect, Restore):
            return self._once_more(task, error, None)
        return self._failed(task, in_words(error))

    def _once_more(self, task: Task, error: Exception, delay: timedelta | None) -> Failed:
        """Let Temporal try again; after a while let the state machine say so, and do so."""
        info = activity.info()
        patience = timedelta(seconds=IN_VAIN_S[min(task.failures, len(IN_VAIN_S) - 1)])
        in_vain = info.started_time - info.scheduled_time >= patience
        if isinstance(task.effect, Restore) and in_vain:
            return self._failed(task, in_words(error))
        raise _again(error, delay)

    def _not_removed(self, task: Task, error: Exception) -> Removed:
        return Removed(
            at=self._deps.clock.now(),
            generation=task.effect.generation,
            reason=in_words(error),
        )

    def _failed(self, task: Task, reason: str) -> Failed:
        return Failed(at=self._deps.clock.now(), generation=task.effect.generation, reason=reason)


def _again(error: Exception, delay: timedelta | None) -> ApplicationError:
    return _retried(in_words(error), type(error).__name__, delay)


def _retried(reason: str, kind: str, delay: timedelta | None = None) -> ApplicationError:
    """Return what makes Temporal try again, without a traceback in the log: it is logged here."""
    benign = ApplicationErrorCategory.BENIGN
    return ApplicationError(reason, type=kind, next_retry_delay=delay, category=benign)


def _fields(task: Task) -> dict[str, Any]:
    return {"rollout": task.rollout.id, **describe(task.effect)}
