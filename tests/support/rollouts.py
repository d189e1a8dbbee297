"""Rollouts in every situation of their life, reached by playing events through `advance`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from chimera.core import events as e
from chimera.core.effects import Shift
from chimera.core.model import Judgement, Resource, Revision, Service, Verdict
from chimera.core.plan import (
    AnalysisPlan,
    Gate,
    GateKind,
    Limit,
    OnNoData,
    Rollout,
    RolloutPlan,
    Step,
)
from chimera.core.rollout import advance
from chimera.core.state import State

AT = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SAID = {
    Verdict.HEALTHY: "errors 0.1 % against 0.1 % on stable (limit 1 %), 1 of 900 requests in 1 min",
    Verdict.UNHEALTHY: "errors 9.8 % against 0.1 % on stable (limit 1 %), 41 of 420 requests",
    Verdict.INCONCLUSIVE: "no canary requests in 2 min",
}
PROCESSES = tuple(Resource("process", str(pid), "logo", "v2", "r1") for pid in (11, 12, 13))

Move = Callable[[State], e.AnyEvent]


def make_plan(
    *steps: Step, on_no_data: OnNoData = OnNoData.PAUSE, delay: timedelta = 5 * MINUTE
) -> RolloutPlan:
    """Return a plan; without steps 5 %, 50 % with an approval, 100 %, a minute each."""
    approval = Gate(GateKind.APPROVAL, "operator")
    usual = (Step(5, MINUTE), Step(50, MINUTE, approval), Step(100, MINUTE))
    checks = (Limit("error_rate", max=0.01),)
    analysis = AnalysisPlan(timedelta(seconds=5), checks, 2 * MINUTE, on_no_data)
    return RolloutPlan(steps or usual, analysis, 10 * MINUTE, scale_down_delay=delay)


PLAN = make_plan()
ROLLOUT = Rollout("r1", Service("logo", "memory"), Revision("v1"), Revision("v2"), PLAN)


def judged(state: State, verdict: Verdict) -> e.Judged:
    judgement = Judgement(AT, verdict, SAID[verdict])
    return e.Judged(at=AT, generation=state.generation, judgement=judgement)


def shifted(state: State) -> e.Shifted:
    weight = state.work.weight if isinstance(state.work, Shift) else 5
    return e.Shifted(at=AT + MINUTE, generation=state.generation, weight=weight)


def at_wake(state: State) -> e.TimeReached:
    return e.TimeReached(at=state.wake_at or AT)


def at_deadline(state: State) -> e.TimeReached:
    return e.TimeReached(at=state.deadline_at or AT)


MOVES: dict[str, Move] = {
    "start": lambda _: e.Started(at=AT),
    "prepared": lambda s: e.Prepared(at=AT, generation=s.generation, resources=PROCESSES),
    "shifted": shifted,
    "healthy": lambda s: judged(s, Verdict.HEALTHY),
    "unhealthy": lambda s: judged(s, Verdict.UNHEALTHY),
    "inconclusive": lambda s: judged(s, Verdict.INCONCLUSIVE),
    "lease lost": lambda s: e.LeaseExpired(at=AT, generation=s.generation, expected=s.weight),
    "foreign": lambda s: e.ForeignEdit(
        at=AT,
        generation=s.generation,
        expected="95 % on v1 and 5 % on v2",
        observed="70 % on v1 and 30 % on v2",
    ),
    "failed": lambda s: e.Failed(
        at=AT, generation=s.generation, reason="local: start: exit code 1. Last line: no module"
    ),
    "committed": lambda s: e.Committed(at=AT + 3 * MINUTE, generation=s.generation, requests=4000),
    "restored": lambda s: e.Restored(
        at=AT + MINUTE + timedelta(seconds=6), generation=s.generation, requests=420, errors=41
    ),
    "removed": lambda s: e.Removed(at=AT, generation=s.generation, removed=PROCESSES),
    "left": lambda s: e.Removed(
        at=AT,
        generation=s.generation,
        removed=PROCESSES[:2],
        left=PROCESSES[2:],
        reason="it does not end",
    ),
    "wake": at_wake,
    "deadline": at_deadline,
    "early": lambda _: e.TimeReached(at=AT - MINUTE),
    "pause": lambda _: e.PauseRequested(at=AT, by="ann", reason="lunch"),
    "resume": lambda _: e.ResumeRequested(at=AT, by="ann"),
    "approve": lambda _: e.ApproveRequested(at=AT, by="bob"),
    "promote": lambda _: e.PromoteRequested(at=AT, by="ann"),
    "abort": lambda _: e.AbortRequested(at=AT, by="ann", reason="it looks odd"),
    "revert": lambda _: e.RevertRequested(at=AT, by="ann"),
    "retry": lambda _: e.RetryRequested(at=AT, by="ann"),
}
_WATCHING = "start prepared shifted"
_AT_GATE = f"{_WATCHING} healthy shifted healthy"
_AT_100 = f"{_AT_GATE} approve shifted"
_WARM = f"{_AT_100} healthy committed"
_CONDEMNED = f"{_WATCHING} unhealthy"
_CLEANUP = f"{_CONDEMNED} restored left"
SITUATIONS: dict[str, str] = {
    "pending": "",
    "preparing": "start",
    "preparing, pause wanted": "start pause",
    "paused without traffic": "start pause prepared",
    "first shift": "start prepared",
    "first shift, pause wanted": "start prepared pause",
    "watching": _WATCHING,
    "second shift": f"{_WATCHING} healthy",
    "paused by a person": f"{_WATCHING} pause",
    "paused for lack of data": f"{_WATCHING} inconclusive",
    "paused, lease lost": f"{_WATCHING} pause lease_lost",
    "foreign edit": f"{_WATCHING} foreign",
    "awaiting approval": _AT_GATE,
    "awaiting approval, lease lost": f"{_AT_GATE} lease_lost",
    "last shift": f"{_AT_GATE} approve",
    "watching 100 %": _AT_100,
    "paused at 100 %": f"{_AT_100} pause",
    "committing": f"{_AT_100} healthy",
    "old version warm": _WARM,
    "removing the old version": f"{_WARM} wake",
    "old version stuck": f"{_WARM} wake left",
    "restoring": _CONDEMNED,
    "restore failed": f"{_CONDEMNED} failed",
    "reverting": f"{_WARM} revert",
    "removing the canary": f"{_CONDEMNED} restored",
    "cleanup incomplete": _CLEANUP,
    "cleanup again": f"{_CLEANUP} wake",
    "cleanup given up": _CLEANUP + " wake left" * 7,
    "succeeded": f"{_WARM} wake removed",
    "rolled back": f"{_CONDEMNED} restored removed",
    "aborted": f"{_WATCHING} abort restored removed",
}


def play(moves: str, plan: RolloutPlan = PLAN, state: State | None = None) -> State:
    """Return the state after `moves`: names of MOVES, with _ for a space."""
    state = state or State()
    for name in moves.split():
        state = advance(plan, state, MOVES[name.replace("_", " ")](state)).state
    return state


def situation(name: str) -> State:
    """Return the state of a situation."""
    return play(SITUATIONS[name])
