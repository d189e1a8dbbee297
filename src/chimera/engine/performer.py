"""Having effects carried out from inside the workflow: one at a time, the newest wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from chimera.core.effects import AnyEffect, Commit, Restore, Watch
from chimera.core.events import AnyResult, Failed, Judged, LeaseExpired
from chimera.core.state import State
from chimera.engine.messages import Outcome, Start, Task
from chimera.engine.policy import AGAIN, longest_silence, terms, waits_for_ledger
from chimera.engine.recorder import Recorder


class Performer:
    """Runs the activity of the effect under way and delivers its result.

    held: the effect waits for the ledger, and deadlines do not run. waited: for how long it did.
    """

    def __init__(
        self, start: Start, recorder: Recorder, deliver: Callable[[AnyResult], None]
    ) -> None:
        self._start = start
        self._recorder = recorder
        self._deliver = deliver
        self._running: asyncio.Task[None] | None = None
        self.held = False
        self.waited = timedelta(0)

    def switch(self, state: State) -> None:
        """Let go of the effect under way, not waiting for its end, and start the one wanted now."""
        if self._running is not None:
            self._running.cancel()
            self._running = None
        if state.work is not None:
            self._running = asyncio.create_task(self._carry_out(state, state.work))

    async def _carry_out(self, state: State, effect: AnyEffect) -> None:
        result = None
        if waits_for_ledger(effect):
            result = await self._until_recorded(state, effect)
        self._deliver(result or await self._perform(state, effect))

    async def _until_recorded(self, state: State, effect: AnyEffect) -> AnyResult | None:
        """Wait until the ledger has everything; return what a watch found meanwhile, if any."""
        since = workflow.now()
        try:
            grace = self._start.rollout.plan.lease / 5
            await workflow.wait_condition(lambda: self._recorder.idle, timeout=grace)
        except TimeoutError:
            pass
        else:
            return None
        workflow.logger.warning("rollout.waits_for_ledger", extra={"effect": effect.kind})
        self.held = True
        try:
            return await self._hold(state, effect)
        finally:
            self.held = False
            self.waited = workflow.now() - since

    async def _hold(self, state: State, effect: AnyEffect) -> AnyResult | None:
        """Keep the canary's traffic where it is, under watch, until the ledger has everything."""
        recorded = asyncio.create_task(workflow.wait_condition(lambda: self._recorder.idle))
        if not state.weight:
            await recorded
            return None
        watch = Watch(
            generation=effect.generation,
            step=state.step,
            weight=state.weight,
            hold=True,
            evidence=state.evidence,
        )
        watching = asyncio.create_task(self._perform(state, watch))
        try:
            await workflow.wait([recorded, watching], return_when=asyncio.FIRST_COMPLETED)
            if recorded.done():
                return None
            found = watching.result()
            if isinstance(found, Judged):  # an alarm counts as the last word of the watch before
                return replace(found, generation=effect.generation - 1)
            if isinstance(found, LeaseExpired) and isinstance(effect, Commit):
                await recorded  # proven already; the commit is what gives the traffic back
                return None
            return found
        finally:
            recorded.cancel()
            watching.cancel()

    async def _perform(self, state: State, effect: AnyEffect) -> AnyResult:
        me = asyncio.current_task()
        while True:
            try:
                return await self._execute(state, effect)
            except ActivityError as error:
                if me is not None and me.cancelling():  # nobody waits for this any more
                    raise asyncio.CancelledError from error
                if not isinstance(effect, Restore) and not is_cancelled_exception(error):
                    reason = f"internal error: {error.cause or error}"
                    return Failed(at=workflow.now(), generation=effect.generation, reason=reason)
                workflow.logger.error("effect.again", extra={"effect": effect.kind})
                await workflow.sleep(AGAIN)

    async def _execute(self, state: State, effect: AnyEffect) -> AnyResult:
        plan = self._start.rollout.plan
        allowed = terms(plan, effect)
        task = Task(
            rollout=self._start.rollout,
            effect=effect,
            step=state.step,
            weight=state.weight,
            evidence=state.evidence,
            failures=state.cleanup_attempts,
        )
        outcome: Outcome = await workflow.execute_activity(
            effect.kind,
            task,
            result_type=Outcome,
            start_to_close_timeout=allowed.timeout,
            heartbeat_timeout=longest_silence(self._start, effect),
            retry_policy=allowed.retry,
            cancellation_type=ActivityCancellationType.TRY_CANCEL,
        )
        return outcome.result
