"""One rollout in a simulated world, with every accident at hand: crashes, zombies, late answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chimera.bench.world import Overtaken, SimulatedWorld, Work
from chimera.core import events as e
from chimera.core.effects import Watch
from chimera.core.invariants import violations
from chimera.core.model import Verdict
from chimera.core.plan import RolloutPlan
from chimera.core.rollout import advance
from chimera.core.state import BEFORE_COMMIT, Phase, State, Transition

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
MAX_ZOMBIES = 8
MAX_FAIR_STEPS = 300


class Held(Exception):
    """Another rollout has the service."""


class Trial:
    """Drives a rollout; each method is one thing that can happen. `broken`: the broken promises.

    Held if another rollout has the service.
    """

    def __init__(self, plan: RolloutPlan, world: SimulatedWorld, name: str = "one") -> None:
        if not world.take(name):
            raise Held(world.holder)
        self.name = name
        self.plan = plan
        self.world = world
        self.state = State()
        self.at = EPOCH
        self.events = 0
        self.broken: list[str] = []
        self.results: list[e.AnyResult] = []
        self.zombies: list[Work] = []
        self._current: Work | None = None
        self._aborted = False
        self._alarmed = False

    def deliver(self, event: e.AnyEvent) -> Transition:
        """Let the rollout see an event, and begin what it wants now."""
        before = self.state
        after = advance(self.plan, before, event)
        self.events += 1
        self.state = after.state
        self.broken += violations(self.plan, before, after.state)
        if "internal error" in after.state.reason or "internal error" in after.answer:
            self.broken.append(after.state.reason or after.answer)
        if before.phase in BEFORE_COMMIT:
            self._aborted |= isinstance(event, e.AbortRequested)
            self._alarmed |= _is_alarm(before, event)
        self.world.observe(self.state)
        self._hold()
        if after.state.work is not before.work:
            self._begin()
        return after

    def work(self, steps: int = 9) -> None:
        """Carry out the effect under way: some steps, or all of it with its answer."""
        if self._current is None:
            return
        result = self._run(self._current, steps)
        if result is not None:
            self.deliver(result)

    def crash(self) -> None:
        """Whoever works is lost, or comes back as a zombie; another begins from the start."""
        self._begin()

    def lose_answer(self) -> None:
        """The work is done, but its answer does not arrive; it is done again."""
        if self._current is not None:
            self._run(self._current, 9)
        self._begin()

    def wake_zombie(self, index: int, steps: int) -> None:
        """Somebody overtaken goes on; what he finds out arrives late."""
        if self.zombies:
            zombie = self.zombies.pop(index % len(self.zombies))
            result = self._run(zombie, steps)
            if result is not None:
                self.deliver(result)

    def repeat(self, index: int) -> None:
        """An old answer arrives again."""
        if self.results:
            self.deliver(self.results[index % len(self.results)])

    def fail(self, reason: str = "refused for good") -> None:
        """The effect under way cannot be carried out."""
        if self.state.work is not None:
            self.deliver(e.Failed(at=self.at, generation=self.state.generation, reason=reason))

    def pass_time(self, span: timedelta) -> None:
        """The clock goes on, and rings, early or late."""
        self.at += span
        self.deliver(e.TimeReached(at=self.at))

    def edit(self, weight: int) -> None:
        """Somebody else changes the routes while a rollout is open."""
        if self.state.phase in BEFORE_COMMIT:
            self.world.edit(weight)

    def another(self) -> bool:
        """Let a second rollout of the service be opened; True if it would have begun."""
        try:
            second = Trial(self.plan, self.world, "another")
        except Held:
            return False
        second.world.let_go(second.name)
        return True

    def finish(self) -> None:
        """Let things go well from now on: the rollout must end, and the world must be in order."""
        self.world.stuck = False
        if self.world.verdict is Verdict.INCONCLUSIVE:
            self.world.verdict = Verdict.HEALTHY
        for _ in range(MAX_FAIR_STEPS):
            if self.state.phase.final:
                self._check_the_end()
                return
            self._go_on()
        self.broken.append(f"did not end: {self.state.phase}, {self.state.work}")

    def _hold(self) -> None:
        """Hold the service until there is no more to do; who cleans up again takes it again."""
        if self.state.over:
            self.world.let_go(self.name)
        elif not self.world.take(self.name):
            self.broken.append(f"two rollouts at once: {self.name} and {self.world.holder}")

    def _check_the_end(self) -> None:
        self.broken += self.world.faults_at_the_end(self.state)
        if self._aborted and self.state.phase is not Phase.ABORTED:
            self.broken.append(f"aborted, but it ended {self.state.phase}")
        if self._alarmed and self.state.phase is Phase.SUCCEEDED:
            self.broken.append("an unhealthy verdict was overlooked")

    def _go_on(self) -> None:
        self.at += timedelta(milliseconds=1)
        generation = self.state.generation
        self.work()
        if self.state.generation != generation:
            return
        wake = self.state.wake_at
        if wake is not None:
            self.at = max(self.at, wake)
            self.deliver(e.TimeReached(at=self.at))
        elif self.state.phase is Phase.PENDING:
            self.deliver(e.Started(at=self.at))
        elif self.state.phase is Phase.AWAITING_APPROVAL:
            self.deliver(e.ApproveRequested(at=self.at))
        elif self.state.phase is Phase.PAUSED:
            self.deliver(e.ResumeRequested(at=self.at))
        elif self.state.phase is Phase.CLEANUP_INCOMPLETE:
            self.deliver(e.RetryRequested(at=self.at))

    def _begin(self) -> None:
        if self._current is not None:
            self.zombies = [*self.zombies, self._current][-MAX_ZOMBIES:]
        effect = self.state.work
        self._current = None if effect is None else self.world.perform(effect, self.at)

    def _run(self, work: Work, steps: int) -> e.AnyResult | None:
        """Advance by `steps`; the answer if it came to its end, None if it is still on its way."""
        mine = work is self._current
        try:
            for _ in range(steps):
                next(work)
        except Overtaken:
            self._retry(mine)
        except StopIteration as end:
            result: e.AnyResult = end.value
            self.results.append(result)
            self._retry(mine)
            return result
        return None

    def _retry(self, mine: bool) -> None:
        if mine and self.state.work is not None:
            self._current = self.world.perform(self.state.work, self.at)


def _is_alarm(before: State, event: e.AnyEvent) -> bool:
    """Tell an unhealthy verdict that counts: of the watch under way, or of one before it."""
    if not isinstance(event, e.Judged) or event.judgement.verdict is not Verdict.UNHEALTHY:
        return False
    watching = isinstance(before.work, Watch) and event.generation == before.generation
    return watching or 0 < event.generation < before.generation
