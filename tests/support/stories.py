"""Whole rollouts as the core tells them: real plans, looks, judgements, states and sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from chimera.app.reports import Line, LookView, RolloutView
from chimera.core import events as e
from chimera.core.analysis import judge
from chimera.core.explain import explain, headline
from chimera.core.model import Judgement, Look, Resource, Revision, Service, Tally, Verdict
from chimera.core.plan import AnalysisPlan, Gate, GateKind, Limit, Rollout, RolloutPlan, Step
from chimera.core.rollout import advance
from chimera.core.state import State
from chimera.ports.ledger import Entry, LookRecord

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
BOUNDS = (10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
LIMITS = (
    Limit("error_rate", max=0.01, max_increase=0.5),
    Limit("latency_p95", max=300.0, quantile=0.95),
)
SPEC = """\
version: 1
service: logo
target: {platform: local, port: 8080, command: "python3 logo.py {version} {port}"}
strategy: fast
errorRate: 1%
latencyP95: 300ms
"""


def make_plan(*weights: int, gate: Gate | None = None, warm_s: int = 0) -> RolloutPlan:
    """Make a plan of eight-second steps; the gate, if any, stands after the second one."""
    steps = tuple(
        Step(weight, timedelta(seconds=8), gate if index == 1 else None)
        for index, weight in enumerate(weights or (5, 25, 50, 100))
    )
    return RolloutPlan(
        steps=steps,
        analysis=AnalysisPlan(timedelta(seconds=1), LIMITS, timedelta(minutes=1)),
        progress_deadline=timedelta(minutes=2),
        scale_down_delay=timedelta(seconds=warm_s),
    )


def make_rollout(
    name: str = "logo-3f9a1c", stable: str = "1", canary: str = "2", plan: RolloutPlan | None = None
) -> Rollout:
    """Make a rollout of the logo service."""
    settings = {"platform": "local", "port": 8080}
    return Rollout(
        id=name,
        service=Service("logo", "local", settings),
        stable=Revision(stable),
        canary=Revision(canary),
        plan=plan or make_plan(),
        spec=SPEC,
        started_by="ada",
    )


@dataclass
class Story:
    """One rollout as it goes on; call what happens, then read `view`, `lines` and `looks`."""

    rollout: Rollout = field(default_factory=make_rollout)
    now: datetime = START
    state: State = field(default_factory=State)
    lines: list[Line] = field(default_factory=list)
    looks: list[LookView] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    records: list[LookRecord] = field(default_factory=list)
    seed: int = 7

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.opened_at = self.now
        self.happens(e.Started(at=self.now))

    @property
    def view(self) -> RolloutView:
        said = headline(self.rollout, self.state)
        return RolloutView(self.rollout, self.state, self.opened_at, self.now, said)

    def happens(self, event: e.AnyEvent) -> None:
        """Feed one event to the core and write down what it says of it."""
        before, after = self.state, advance(self.rollout.plan, self.state, event)
        sentence = explain(self.rollout, before, event, after)
        self.state = after.state
        number = len(self.lines) + 1
        self.entries.append(Entry(number, event, sentence, self.state))
        self.lines.append(
            Line(number, event.at, event.kind, self.state.phase, self.state.weight, sentence)
        )

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def prepared(self) -> None:
        self.wait(2)
        canary = Resource("process", f"logo-{self.rollout.canary.name}-0", "logo")
        self.happens(e.Prepared(at=self.now, generation=self.state.generation, resources=(canary,)))

    def shifted(self) -> None:
        self.wait(0.2)
        weight = self.rollout.plan.steps[self.state.step].weight
        self.happens(e.Shifted(at=self.now, generation=self.state.generation, weight=weight))

    def watches(self, *, errors: float = 0.001, slow: float = 1.0, seconds: int = 8) -> Judgement:
        """Look once a second and judge, until the seconds are over or the canary is unhealthy."""
        plan = self.rollout.plan.analysis
        memory = judge.begin(plan, self.state.evidence)
        judgement = judge.conclude(plan, memory, self.now)
        for number in range(seconds):
            self.wait(1)
            look, step = self._look(errors, slow), self.state.step
            memory, judgement = judge.observe(plan, memory, look)
            self.looks.append(LookView(len(self.looks) + 1, step, "", look, judgement))
            self.records.append(
                LookRecord(self.state.generation, number, step, look, None, judgement)
            )
            if judgement.verdict is Verdict.UNHEALTHY:
                break
        self.evidence = judge.dump(memory)
        return judgement

    def judged(self, judgement: Judgement) -> None:
        self.happens(
            e.Judged(
                at=self.now,
                generation=self.state.generation,
                judgement=judgement,
                evidence=self.evidence,
            )
        )

    def step(self, *, errors: float = 0.001) -> None:
        """Shift to the next weight, bake it and say what the judge said."""
        self.shifted()
        self.judged(self.watches(errors=errors))

    def restored(self) -> None:
        self.wait(0.1)
        met = [one.look.canary for one in self.looks]
        self.happens(
            e.Restored(
                at=self.now,
                generation=self.state.generation,
                requests=sum(tally.requests for tally in met),
                errors=sum(tally.errors for tally in met),
            )
        )

    def committed(self) -> None:
        self.wait(0.1)
        met = [one.look.canary for one in self.looks]
        self.happens(
            e.Committed(
                at=self.now,
                generation=self.state.generation,
                requests=sum(tally.requests for tally in met),
                errors=sum(tally.errors for tally in met),
            )
        )

    def removed(self, *left: Resource) -> None:
        self.wait(1.5)
        gone = tuple(
            Resource(kind, f"logo-{n}", "logo") for n, kind in enumerate(("process", "cluster"))
        )
        self.happens(
            e.Removed(
                at=self.now,
                generation=self.state.generation,
                removed=gone,
                left=left,
                reason="the process does not end" if left else "",
            )
        )

    def asks(self, request: type[e.AnyRequest], *, by: str = "ada", reason: str = "") -> None:
        self.wait(0.5)
        self.happens(request(at=self.now, by=by, reason=reason))

    def asks_pause(self, reason: str) -> None:
        """Ask for a pause, in somebody's own words."""
        self.asks(e.PauseRequested, reason=reason)

    def _look(self, errors: float, slow: float) -> Look:
        weight = self.state.weight
        return Look(
            self.now,
            timedelta(seconds=1),
            weight,
            self._tally(200 * weight // 100, errors, slow),
            self._tally(200 - 200 * weight // 100, 0.002, 1.0),
        )

    def _tally(self, requests: int, errors: float, slow: float) -> Tally:
        cells = [0] * (len(BOUNDS) + 1)
        for _ in range(requests):
            latency = self.random.lognormvariate(3.4, 0.5) * slow
            cells[sum(latency > bound for bound in BOUNDS)] += 1
        failed = sum(self.random.random() < errors for _ in range(requests))
        return Tally(requests, failed, BOUNDS, tuple(cells))


def promoted(*, warm_s: int = 0) -> Story:
    """Tell the whole life of a good version."""
    story = Story(make_rollout(plan=make_plan(warm_s=warm_s)))
    story.prepared()
    for _ in story.rollout.plan.steps:
        story.step()
    story.committed()
    if story.state.work is not None:
        story.removed()
    return story


def rolled_back() -> Story:
    """Tell how a bad version fails at 25 %."""
    story = Story(make_rollout("logo-8be2d0", "2", "3"), START + timedelta(hours=1), seed=3)
    story.prepared()
    story.step()
    story.shifted()
    story.judged(story.watches(errors=0.1))
    story.restored()
    story.removed()
    return story


def baking(*, seconds: int = 3, gate: Gate | None = None) -> Story:
    """Tell a good version's life up to the middle of its second step."""
    rollout = make_rollout("logo-51c77e", "2", "4", make_plan(gate=gate))
    story = Story(rollout, START + timedelta(hours=2))
    story.prepared()
    story.step()
    story.shifted()
    story.watches(seconds=seconds)
    return story


def awaiting() -> Story:
    """Tell a version that waits for its approval after 25 %."""
    story = baking(seconds=0, gate=Gate(GateKind.APPROVAL, "operator"))
    story.judged(story.watches())
    story.watches(seconds=2)
    return story


def paused() -> Story:
    """Tell a version that a person paused in its second step."""
    story = baking()
    story.asks_pause("the support team is at lunch")
    return story


def aborted() -> Story:
    """Tell a version that a person took back."""
    story = baking()
    story.asks(e.AbortRequested, reason="wrong build")
    story.restored()
    story.removed()
    return story


def reverted() -> Story:
    """Tell a version that was promoted, and taken back while the old one was warm."""
    story = promoted(warm_s=300)
    story.asks(e.RevertRequested, reason="support calls")
    story.restored()
    story.removed()
    return story


def left_behind() -> Story:
    """Tell a rollback whose cleanup does not finish."""
    story = Story(make_rollout("logo-8be2d0", "2", "3"), START + timedelta(hours=1), seed=3)
    story.prepared()
    story.shifted()
    story.judged(story.watches(errors=0.6))
    story.restored()
    story.removed(Resource("process", "logo-3-0", "logo"))
    return story


def released_left_behind() -> Story:
    """Tell a promotion after which the old version does not go away."""
    story = promoted(warm_s=1)
    story.wait(1)
    story.happens(e.TimeReached(at=story.now))
    story.removed(Resource("process", "logo-1-0", "logo"))
    return story


def preparing() -> Story:
    """Tell a version that is being started."""
    return Story(make_rollout("logo-77aa01", "2", "5"))


def failed_to_start() -> Story:
    """Tell a version that never became ready."""
    story = preparing()
    story.wait(30)
    reason = "local: start: 0 of 1 replicas ready after 30 s; it said: no module named logo"
    story.happens(e.Failed(at=story.now, generation=story.state.generation, reason=reason))
    story.restored()
    story.removed()
    return story


TOLD: dict[str, Callable[[], Story]] = {
    "preparing": preparing,
    "baking": baking,
    "paused": paused,
    "awaiting": awaiting,
    "rolled_back": rolled_back,
    "aborted": aborted,
    "left_behind": left_behind,
    "failed_to_start": failed_to_start,
    "warm": lambda: promoted(warm_s=300),
    "promoted": promoted,
    "reverted": reverted,
}
