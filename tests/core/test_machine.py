"""Hypothesis looks for a way to break a promise: any order of work, accidents, people and time."""

from datetime import timedelta
from typing import get_args

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chimera.bench.simulation import PLANS
from chimera.bench.trial import Trial
from chimera.bench.world import STRANGERS, SimulatedWorld
from chimera.core import events as e
from chimera.core.model import Judgement, Verdict
from chimera.core.plan import RolloutPlan
from chimera.core.state import Phase

REQUESTS = get_args(e.AnyRequest)
RESULTS: dict[type[e.AnyResult], dict[str, object]] = {
    e.Prepared: {},
    e.Shifted: {"weight": 100},
    e.LeaseExpired: {"expected": 5},
    e.ForeignEdit: {"expected": "5 %", "observed": "37 %"},
    e.Failed: {"reason": "because"},
    e.Committed: {},
    e.Restored: {},
    e.Removed: {},
}
SMALL = st.integers(0, 9)


class RolloutMachine(RuleBasedStateMachine):
    """A rollout in a simulated world."""

    @initialize(plan=st.sampled_from(PLANS), verdict=st.sampled_from(Verdict))
    def open(self, plan: RolloutPlan, verdict: Verdict) -> None:
        self.trial = Trial(plan, SimulatedWorld(verdict=verdict, first=plan.install))

    @rule()
    def start(self) -> None:
        self.trial.deliver(e.Started(at=self.trial.at))

    @rule()
    def work(self) -> None:
        self.trial.work()

    @rule(steps=st.integers(1, 3))
    def work_a_little(self, steps: int) -> None:
        self.trial.work(steps)

    @rule(times=st.integers(2, 12))
    def go_on(self, times: int) -> None:
        for _ in range(times):
            self.trial.work()

    @precondition(lambda self: getattr(self.trial.state.work, "hold", False))
    @rule(verdict=st.sampled_from([Verdict.HEALTHY, Verdict.INCONCLUSIVE]))
    def end_a_hold(self, verdict: Verdict) -> None:
        state, at = self.trial.state, self.trial.at
        judgement = Judgement(at, verdict, "it looks as before")
        self.trial.deliver(e.Judged(at=at, generation=state.generation, judgement=judgement))
        assert self.trial.state.phase is state.phase

    @rule()
    def crash(self) -> None:
        self.trial.crash()

    @rule()
    def lose_the_answer(self) -> None:
        self.trial.lose_answer()

    @precondition(lambda self: self.trial.zombies)
    @rule(which=SMALL, steps=st.integers(1, 4))
    def wake_a_zombie(self, which: int, steps: int) -> None:
        self.trial.wake_zombie(which, steps)

    @precondition(lambda self: self.trial.results)
    @rule(which=SMALL)
    def repeat_an_answer(self, which: int) -> None:
        self.trial.repeat(which)

    @rule(kind=st.sampled_from(list(RESULTS)), late=st.integers(1, 9))
    def answer_out_of_place(self, kind: type[e.AnyResult], late: int) -> None:
        generation = self.trial.state.generation + (late if late > 5 else -late)
        event = kind(at=self.trial.at, generation=generation, **RESULTS[kind])  # type: ignore[arg-type]
        assert self.trial.deliver(event).ignored

    @rule()
    def fail(self) -> None:
        self.trial.fail()

    @rule(kind=st.sampled_from(REQUESTS))
    def ask(self, kind: type[e.AnyRequest]) -> None:
        answered = self.trial.deliver(kind(at=self.trial.at, by="ann"))
        assert answered.answer

    @rule(seconds=st.sampled_from([0, 1, 60, 3600]))
    def pass_time(self, seconds: int) -> None:
        self.trial.pass_time(timedelta(seconds=seconds))

    @rule()
    def lease_runs_out(self) -> None:
        self.trial.world.lease_runs_out()

    @rule(weight=st.sampled_from([0, 5, 37, 100]))
    def edit(self, weight: int) -> None:
        self.trial.edit(weight)

    @rule(verdict=st.sampled_from(Verdict), stuck=st.booleans())
    def change_the_world(self, verdict: Verdict, stuck: bool) -> None:
        self.trial.world.verdict = verdict
        self.trial.world.stuck = stuck

    @rule()
    def another_rollout_wants_the_service(self) -> None:
        assert self.trial.another() is self.trial.state.over

    @invariant()
    def every_promise_is_kept(self) -> None:
        if hasattr(self, "trial"):
            assert self.trial.broken + self.trial.world.broken == []

    @invariant()
    def nothing_of_a_stranger_is_touched(self) -> None:
        if hasattr(self, "trial"):
            things = self.trial.world.things
            assert [things.get(one.id) for one in STRANGERS] == list(STRANGERS)

    @invariant()
    def an_open_rollout_waits_for_something(self) -> None:
        if hasattr(self, "trial"):
            state = self.trial.state
            asleep = state.work is None and state.next_wake is None
            waits_for_people = {Phase.PENDING, Phase.PAUSED, Phase.CLEANUP_INCOMPLETE}
            assert not asleep or state.phase.final or state.phase in waits_for_people

    def teardown(self) -> None:
        if hasattr(self, "trial"):
            self.trial.finish()
            assert self.trial.broken == []


TestRollout = RolloutMachine.TestCase
TestRollout.settings = settings(max_examples=300, stateful_step_count=40)
