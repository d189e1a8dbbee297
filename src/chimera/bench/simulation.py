"""Rollouts by the hundred thousand, each with its own accidents: none may go astray."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from chimera.bench.trial import Trial
from chimera.bench.world import SimulatedWorld
from chimera.core import events as e
from chimera.core.model import Verdict
from chimera.core.plan import AnalysisPlan, Gate, GateKind, Limit, OnNoData, RolloutPlan, Step

_MINUTE = timedelta(minutes=1)
_REQUESTS = (
    e.PauseRequested,
    e.ResumeRequested,
    e.ApproveRequested,
    e.PromoteRequested,
    e.AbortRequested,
    e.RevertRequested,
    e.RetryRequested,
)
_VERDICTS = (Verdict.HEALTHY, Verdict.HEALTHY, Verdict.UNHEALTHY, Verdict.INCONCLUSIVE)
_TROUBLE = 0.2  # the share of moments at which an accident happens


@dataclass(slots=True)
class Tally:
    """What came of the simulated rollouts: how many ended how, and every broken promise."""

    rollouts: int = 0
    events: int = 0
    seconds: float = 0.0
    phases: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def per_minute(self) -> float:
        """Rollouts per minute of computing."""
        return self.rollouts / self.seconds * 60 if self.seconds else 0.0


def simulate(rollouts: int, *, seed: int = 0) -> Tally:
    """Run that many rollouts under random faults; the same seed gives the same ones."""
    tally = Tally()
    began = time.process_time()
    for number in range(rollouts):
        rng = Random(f"{seed}:{number}")  # noqa: S311  # a simulation, not a secret
        plan = rng.choice(PLANS)
        world = SimulatedWorld(verdict=rng.choice(_VERDICTS), first=plan.install)
        trial = Trial(plan, world)
        _live(trial, rng)
        trial.finish()
        tally.rollouts += 1
        tally.events += trial.events
        tally.phases[trial.state.phase.value] += 1
        tally.broken += [f"rollout {seed}:{number}: {what}" for what in trial.broken]
    tally.seconds = time.process_time() - began
    return tally


def _live(trial: Trial, rng: Random) -> None:
    """Let a rollout go on with accidents until it ends or has had its share of them."""
    trial.deliver(e.Started(at=trial.at))
    for _ in range(40):
        if trial.state.phase.final:
            return
        if rng.random() < _TROUBLE:
            accident(trial, rng)
        elif trial.state.work is None:
            trial.pass_time(_MINUTE)
        else:
            trial.work()


def accident(trial: Trial, rng: Random) -> None:
    """Let one thing happen that nobody wished for."""
    rng.choice(_ACCIDENTS)(trial, rng)


def _try_another(trial: Trial) -> None:
    if trial.another() is not trial.state.over:
        trial.broken.append(f"another rollout and this one, which is {trial.state.phase}")


def _change_mood(trial: Trial, rng: Random) -> None:
    trial.world.stuck = rng.random() < 0.5
    trial.world.verdict = rng.choice(_VERDICTS)


_ACCIDENTS: tuple[Callable[[Trial, Random], object], ...] = (
    lambda trial, rng: trial.work(rng.randrange(3)),
    lambda trial, _: trial.crash(),
    lambda trial, _: trial.lose_answer(),
    lambda trial, rng: trial.wake_zombie(rng.randrange(8), rng.randrange(4)),
    lambda trial, rng: trial.repeat(rng.randrange(64)),
    lambda trial, _: trial.fail(),
    lambda trial, rng: trial.pass_time(timedelta(seconds=rng.choice((0, 1, 60, 3600)))),
    lambda trial, _: trial.world.lease_runs_out(),
    lambda trial, rng: trial.edit(rng.choice((0, 5, 37, 100))),
    _change_mood,
    lambda trial, _: _try_another(trial),
    lambda trial, rng: trial.deliver(rng.choice(_REQUESTS)(at=trial.at, by="somebody")),
)


def _plan(*steps: Step, delay: timedelta = timedelta(0), rollback: bool = False) -> RolloutPlan:
    otherwise = OnNoData.ROLLBACK if rollback else OnNoData.PAUSE
    checks = (Limit("error_rate", max=0.01),)
    analysis = AnalysisPlan(timedelta(seconds=5), checks, 2 * _MINUTE, otherwise)
    return RolloutPlan(steps, analysis, 10 * _MINUTE, scale_down_delay=delay)


_APPROVAL, _PAUSE = Gate(GateKind.APPROVAL, "operator"), Gate(GateKind.PAUSE)
PLANS = (
    _plan(Step(100, _MINUTE)),
    _plan(Step(5, _MINUTE), Step(50, _MINUTE), Step(100, _MINUTE), delay=5 * _MINUTE),
    _plan(Step(5, _MINUTE), Step(50, _MINUTE, _APPROVAL), Step(100, _MINUTE), rollback=True),
    _plan(Step(1, _MINUTE, _PAUSE), Step(100, _MINUTE, _APPROVAL), delay=_MINUTE),
    replace(_plan(Step(100, timedelta(0))), install=True),
    _plan(Step(0, _MINUTE), Step(25, _MINUTE), Step(25, _MINUTE), Step(100, _MINUTE, _PAUSE)),
)
