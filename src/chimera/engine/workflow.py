"""The workflow of a rollout: events in, `core.rollout.advance`, effects out; it decides nothing.

Signals, timers and results go to the inbox; `advance` turns each into a new state; the recorder
writes it to the ledger, in order; the performer carries out the effect that is wanted now. Before
changing what this code does, or what `advance` wants, read docs/explanation/durability.md: rollouts
are in flight.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from chimera.core.events import AnyEvent, AnyRequest, Failed, Started, TimeReached
    from chimera.core.state import State
    from chimera.engine.messages import Answer, Ask, Start
    from chimera.engine.performer import Performer
    from chimera.engine.recorder import Recorder
    from chimera.engine.safely import safe_advance, safe_explain
    from chimera.ports.ledger import Entry

WORKFLOW = "rollout"
MOMENT = timedelta(milliseconds=1)


@workflow.defn(name=WORKFLOW)
class RolloutWorkflow:
    """One rollout from its start to its end, whoever runs it."""

    @workflow.init
    def __init__(self, start: Start) -> None:
        self._rollout = start.rollout
        self._state = State()
        self._seq = 0
        self._inbox: deque[AnyEvent] = deque()
        self._answers: dict[str, Answer] = {}
        self._woken_for: datetime | None = None
        self._recorder = Recorder(start)
        self._performer = Performer(start, self._recorder, self._inbox.append)

    @workflow.run
    async def run(self, start: Start) -> State:  # noqa: ARG002 - __init__ has taken it
        """Drive the rollout until it needs nothing more and all of it is recorded."""
        recording = asyncio.create_task(self._recorder.run())
        self._inbox.append(Started(at=workflow.now()))
        while not self._finished():
            if self._inbox:
                self._take(self._inbox.popleft())
            else:
                await self._wait()
        recording.cancel()
        return self._state

    @workflow.signal(name="request")
    def request(self, ask: Ask) -> None:
        """Take what a person asks."""
        self._inbox.append(ask.request)

    @workflow.query(name="state")
    def state(self) -> State:
        """Return where the rollout stands."""
        return self._state

    @workflow.query(name="answer")
    def answer(self, request: str) -> Answer | None:
        """Return what was answered to a request, None if it was not seen yet."""
        return self._answers.get(request)

    def _finished(self) -> bool:
        return self._state.over and self._recorder.idle and not self._inbox

    def _take(self, event: AnyEvent) -> None:
        """Advance by one event and record it; repeats of requests and late results are nothing."""
        asked = event.request if isinstance(event, AnyRequest) else ""
        if asked and asked in self._answers:
            return
        if not isinstance(event, TimeReached):  # one clock orders the whole history
            event = replace(event, at=workflow.now())
        before = self._state
        after = safe_advance(self._rollout, before, event)
        if asked:
            self._answers[asked] = Answer(after.answer, after.refused)
        if after.ignored and not asked:
            self._mend(event)
            return
        self._state = after.state
        self._seq += 1
        sentence = safe_explain(self._rollout, before, event, after)
        self._recorder.append(Entry(self._seq, event, sentence, after.state))
        if after.state.work != before.work:
            self._performer.switch(after.state)

    def _mend(self, event: AnyEvent) -> None:
        """Make a failure of a result that does not fit its effect, or nothing would ever follow."""
        generation = getattr(event, "generation", 0)
        fits = isinstance(event, Failed) or self._state.work is None
        if generation == self._state.generation and not fits:
            reason = f"internal error: {event.kind} does not answer what was wanted"
            self._inbox.append(Failed(at=event.at, generation=generation, reason=reason))

    async def _wait(self) -> None:
        """Wait for an event; if the moment that the state asked for comes first, that is it."""
        held = self._performer.held
        wake = None if held else self._next_wake()
        timeout = max(wake - workflow.now(), MOMENT) if wake else None
        try:
            await workflow.wait_condition(
                lambda: bool(self._inbox) or self._performer.held != held or self._finished(),
                timeout=timeout,
            )
        except TimeoutError:
            self._woken_for = wake
            self._inbox.append(TimeReached(at=max(workflow.now(), wake or workflow.now())))
        if held and not self._performer.held and self._state.deadline_at:
            later = self._state.deadline_at + self._performer.waited
            self._state = replace(self._state, deadline_at=later)

    def _next_wake(self) -> datetime | None:
        wake = self._state.next_wake
        return wake if wake != self._woken_for else None
