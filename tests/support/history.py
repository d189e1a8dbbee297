"""Rollouts, entries and looks as the engine would write them into the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chimera.core.events import AbortRequested, AnyEvent, Started
from chimera.core.model import (
    Finding,
    Judgement,
    Look,
    Reading,
    Revision,
    Sample,
    Service,
    Tally,
    Verdict,
)
from chimera.core.plan import AnalysisPlan, Limit, Rollout, RolloutPlan, Step
from chimera.core.state import Phase, State
from chimera.ports.ledger import Entry, LookRecord
from chimera.store import Store

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
BOUNDS = tuple(float(2**i) for i in range(16))
PLAN = RolloutPlan(
    steps=(Step(5, timedelta(seconds=10)), Step(100, timedelta(seconds=10))),
    analysis=AnalysisPlan(
        interval=timedelta(seconds=1),
        limits=(Limit("error_rate", max=0.01),),
        no_data_deadline=timedelta(seconds=30),
    ),
    progress_deadline=timedelta(minutes=5),
)


def rollout(name: str = "r1", service: str = "logo", **changes: Any) -> Rollout:
    stable, canary = Revision("1"), Revision("2", settings={"env": {"COLOUR": "red"}})
    return Rollout(name, Service(service, "local"), stable, canary, PLAN, **changes)


def entry(seq: int, phase: Phase = Phase.PROGRESSING, sentence: str = "") -> Entry:
    at = NOW + timedelta(seconds=seq)
    event: AnyEvent = AbortRequested(at=at, by="ada") if seq > 1 else Started(at=at)
    state = State(phase=phase, weight=5, started_at=NOW)
    return Entry(seq, event, sentence or f"event {seq}", state)


def look(number: int, generation: int = 1, *, errors: int = 2) -> LookRecord:
    at = NOW + timedelta(seconds=number)
    sample = Sample("front", 1000 + number, errors, BOUNDS, tuple(range(16)), 1000)
    tally = Tally(100, errors, BOUNDS, (*range(16), 0))
    ratio = errors / 100
    finding = Finding(
        metric="error_rate",
        verdict=Verdict.HEALTHY,
        canary=ratio,
        stable=0.001,
        limit=0.01,
        n=100,
        stable_n=900,
        test="limit",
        evidence=f"{ratio} against 0.01",
        window=timedelta(seconds=number),
        sentence=f"errors {ratio:.1%}, limit 1.0%",
    )
    return LookRecord(
        generation=generation,
        number=number,
        step=0,
        look=Look(at, timedelta(seconds=1), 5, tally, tally),
        reading=Reading(at, (sample,), (sample,), query="GET /stats"),
        judgement=Judgement(at, Verdict.HEALTHY, "all is well", (finding,)),
    )


async def fill(store: Store, name: str = "r1", *, events: int = 4, looks: int = 4) -> None:
    """Write a rollout of its own service with some history."""
    await store.open_rollout(rollout(name, service=f"of-{name}"), NOW)
    await store.append(name, tuple(entry(seq) for seq in range(1, events + 1)))
    for number in range(looks):
        await store.append_look(name, look(number))
