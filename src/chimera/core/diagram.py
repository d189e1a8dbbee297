"""The state machine as a drawing, found by asking `advance` about every event in every state."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType

from chimera.core import events as e
from chimera.core.effects import Shift
from chimera.core.model import Judgement, Resource, Verdict
from chimera.core.plan import AnalysisPlan, Gate, GateKind, Limit, RolloutPlan, Step
from chimera.core.rollout import advance
from chimera.core.state import Phase, State

_AT = datetime(2030, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_ANALYSIS = AnalysisPlan(_MINUTE, (Limit("error_rate", max=0.01),), _MINUTE)
_LAST = Step(100, _MINUTE)
_PLANS = tuple(
    RolloutPlan(steps, _ANALYSIS, _MINUTE, scale_down_delay=_MINUTE, install=install)
    for steps, install in (
        ((Step(5, _MINUTE), _LAST), False),
        ((Step(5, _MINUTE, Gate(GateKind.PAUSE)), _LAST), False),
        ((Step(5, _MINUTE, Gate(GateKind.APPROVAL)), _LAST), False),
        ((_LAST,), True),
    )
)
_LEFT = (Resource("process", "1", "service"),)
_REQUESTS = (
    e.PauseRequested(at=_AT),
    e.ResumeRequested(at=_AT),
    e.ApproveRequested(at=_AT),
    e.PromoteRequested(at=_AT),
    e.AbortRequested(at=_AT),
    e.RevertRequested(at=_AT),
    e.RetryRequested(at=_AT),
)
_INTRODUCTION = """\
# The life of a rollout

This page is drawn from the code: `chimera.core.diagram` asks the state machine what each event
makes of each state that a rollout can reach, and writes down every change of phase. A test fails
when the page is not current. To draw it anew:

    python -c "from chimera.core.diagram import page; print(page(), end='')" \\
        > docs/explanation/state-machine.md

Events that leave the phase as it is are left out; so are the steps inside `progressing`: shift the
weight, read it back, bake it under watch, go on to the next step.
"""


@cache
def transitions() -> Mapping[tuple[Phase, Phase], tuple[str, ...]]:
    """Return every change of phase that is possible, with the events that lead to it."""
    found: dict[tuple[Phase, Phase], set[str]] = {}
    for plan in _PLANS:
        _explore(plan, found)
    order = list(Phase)
    pairs = sorted(found, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    return MappingProxyType({pair: tuple(sorted(found[pair])) for pair in pairs})


def mermaid() -> str:
    """Return the drawing as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.PENDING.value}"]
    for (before, after), labels in transitions().items():
        lines.append(f"    {before.value} --> {after.value} : {', '.join(labels)}")
    lines += [f"    {phase.value} --> [*]" for phase in Phase if phase.final]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the documentation page: the drawing, and the same as a table."""
    rows = "".join(
        f"| {before.words} | {', '.join(labels)} | {after.words} |\n"
        for (before, after), labels in transitions().items()
    )
    table = f"| In phase | this happens | and leads to |\n|---|---|---|\n{rows}"
    return f"{_INTRODUCTION}\n```mermaid\n{mermaid()}```\n\n{table}"


def _explore(plan: RolloutPlan, found: dict[tuple[Phase, Phase], set[str]]) -> None:
    seen: set[object] = set()
    queue = deque([State()])
    while queue:
        state = queue.popleft()
        for label, event in _events(state):
            after = advance(plan, state, event).state
            if after.phase is not state.phase:
                found.setdefault((state.phase, after.phase), set()).add(_label(label, state, after))
            if _key(after) not in seen:
                seen.add(_key(after))
                queue.append(after)


def _label(label: str, before: State, after: State) -> str:
    if after.phase is Phase.SUCCEEDED and before.phase is Phase.PREPARING:
        return "first version installed"
    if before.pause_wanted and after.phase is Phase.PAUSED and not after.foreign:
        return f"{label} (pause wanted)"
    return f"{label} (gate)" if after.at_gate and not before.at_gate else label


def _events(state: State) -> Iterator[tuple[str, e.AnyEvent]]:
    yield "start", e.Started(at=_AT)
    if state.wake_at is not None:
        yield "wait over", e.TimeReached(at=state.wake_at)
    if state.deadline_at is not None:
        yield "deadline", e.TimeReached(at=state.deadline_at)
    for event in _results(state):
        yield _words(event), event
    for request in _REQUESTS:
        yield _words(request), request


def _words(event: e.AnyEvent) -> str:
    if isinstance(event, e.Judged):
        return event.judgement.verdict.value
    if isinstance(event, e.Removed) and event.left:
        return "partly removed"
    return event.kind.replace("_", " ")


def _results(state: State) -> Iterator[e.AnyResult]:
    at, generation = _AT, state.generation
    weight = state.work.weight if isinstance(state.work, Shift) else 0
    yield e.Prepared(at=at, generation=generation)
    yield e.Shifted(at=at, generation=generation, weight=weight)
    for verdict in Verdict:
        judgement = Judgement(at, verdict, verdict.value)
        yield e.Judged(at=at, generation=generation, judgement=judgement)
    yield e.LeaseExpired(at=at, generation=generation, expected=weight)
    yield e.ForeignEdit(at=at, generation=generation, expected="one", observed="another")
    yield e.Failed(at=at, generation=generation, reason="failed")
    yield e.Committed(at=at, generation=generation)
    yield e.Restored(at=at, generation=generation)
    yield e.Removed(at=at, generation=generation)
    yield e.Removed(at=at, generation=generation, left=_LEFT)


def _key(state: State) -> object:
    """Return what tells states apart for the drawing: not how often or when."""
    return (
        state.phase,
        state.step,
        state.weight == 0,
        state.work and state.work.kind,
        state.ending,
        state.foreign,
        state.pause_wanted,
        state.promote_wanted,
        state.at_gate,
        state.wake_at is None,
        min(state.lease_losses, 4),
    )
