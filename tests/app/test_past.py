"""What the ledger's earlier rollouts tell the next plan."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from tests.support.looks import look, tally
from tests.support.rollouts import PLAN, ROLLOUT
from tests.support.specs import spec_of

from chimera.app import past, planning
from chimera.app.foreseeing import at_recorded, foresee
from chimera.app.reports import PlanReport
from chimera.core import events as e
from chimera.core.analysis.history import Past, learn
from chimera.core.analysis.outlook import Basis, underpowered
from chimera.core.errors import RolloutConflict
from chimera.core.explain import explain
from chimera.core.model import Judgement, Look, Verdict
from chimera.core.plan import Rollout, RolloutPlan
from chimera.core.spec import plan_of
from chimera.core.state import Phase, State
from chimera.platforms.memory import MemoryInventory, MemoryPlatform
from chimera.platforms.memory.draws import poisson
from chimera.ports.ledger import Entry, LookRecord
from chimera.store import Store, open_store, sqlite_url

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SAID = Judgement(NOW, Verdict.HEALTHY, "fine")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A ledger with one rollout that succeeded: 10 requests/s, failing in clumps of four."""
    async with open_store(sqlite_url(tmp_path / "ledger.db")) as made:
        await made.open_rollout(ROLLOUT, NOW)
        for number in range(1, 301):
            bad = 4 if number % 10 == 0 else 0
            seen = look(number, tally(1), tally(9, bad), weight=5)
            await made.append_look(ROLLOUT.id, LookRecord(1, number, 0, seen, None, SAID))
        over = State(phase=Phase.SUCCEEDED)
        await made.append(ROLLOUT.id, (Entry(1, e.Started(at=NOW), "over", over),))
        yield made


CAREFUL = plan_of(spec_of("strategy: careful\n"))


def careful(seed: int) -> Iterator[tuple[int, Look]]:
    """A healthy rollout by `careful`: 4 s looks at 1,000 requests/s, 1 % failing, in moods.

    Each version's rate wanders by 30 % over a minute.
    """
    random, level, number = Random(seed), [0.0, 0.0], 0
    keep = math.exp(-4 / 60)
    for step, one in enumerate(CAREFUL.steps):
        for _ in range(one.bake // timedelta(seconds=4)):
            number += 1
            level = [keep * x + random.gauss(0, 0.3 * math.sqrt(1 - keep**2)) for x in level]
            arms = []
            for share, its in ((one.weight, level[0]), (100 - one.weight, level[1])):
                n = 40 * share
                arms.append(tally(n, poisson(random, n * 0.01 * math.exp(its))))
            yield step, look(number, *arms, weight=one.weight, every_s=4)


async def test_all_steps_of_a_careful_past_are_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many looks a step as there are, of which the ledger gives half."""
    monkeypatch.setattr(past, "LOOKS", 38)
    weights = tuple(step.weight for step in CAREFUL.steps)
    whole = []
    async with open_store(sqlite_url(tmp_path / "careful.db")) as store:
        for seed in range(4):
            ran = replace(ROLLOUT, id=f"r{seed}", plan=CAREFUL)
            await store.open_rollout(ran, NOW + timedelta(hours=seed))
            looks = list(careful(seed))
            whole.append(Past(tuple(seen for _, seen in looks), fair=True))
            await asyncio.gather(
                *(
                    store.append_look(ran.id, LookRecord(1, number, step, seen, None, SAID))
                    for number, (step, seen) in enumerate(looks, 1)
                )
            )
            over = State(phase=Phase.SUCCEEDED)
            await store.append(ran.id, (Entry(1, e.Started(at=NOW), "over", over),))
        found = await past.lesson(store, ROLLOUT.service.name, CAREFUL)
    known = learn(whole, weights)
    assert known.errors[4] > 5
    for sampled, all_of_it in zip(found.errors, known.errors, strict=True):
        assert all_of_it / 1.6 <= sampled <= all_of_it * 1.6


REPORT = PlanReport(replace(ROLLOUT, id="r2"), (), ())


async def test_a_plan_takes_what_earlier_rollouts_teach(store: Store) -> None:
    informed = await past.informed(store, replace(REPORT, rollout=_weighted()))
    analysis = informed.rollout.plan.analysis
    assert min(analysis.error_dispersions) > 2
    assert analysis.history == "known from 1 earlier rollout"
    again = past.as_known(replace(analysis, error_dispersions=(), weights=(7, 100)), analysis)
    assert len(again.error_dispersions) == 2
    assert min(again.error_dispersions) > 2


async def test_a_service_without_past_is_told_so(store: Store) -> None:
    other = replace(_weighted(), service=replace(ROLLOUT.service, name="other"))
    informed = await past.informed(store, replace(REPORT, rollout=other))
    assert informed.rollout.plan.analysis.error_dispersions == ()
    assert await past.traffic(store, "other") is None


async def test_what_was_learnt_is_no_drift_of_a_saved_plan(store: Store) -> None:
    saved = replace(REPORT, rollout=_weighted())
    planning.refuse_drift(saved, await past.informed(store, saved))
    stricter = replace(PLAN, analysis=replace(PLAN.analysis, alpha=0.001))
    with pytest.raises(RolloutConflict, match="steps or limits"):
        planning.refuse_drift(saved, replace(REPORT, rollout=_weighted(stricter)))


async def test_thin_traffic_on_record_is_a_warning_with_numbers(store: Store) -> None:
    recorded = await past.traffic(store, ROLLOUT.service.name)
    assert recorded is not None
    assert recorded.both.requests / recorded.span_s == pytest.approx(10)
    report = at_recorded(replace(REPORT, rollout=_weighted()), recorded)
    words = underpowered(report.outlook)
    assert "canary requests" in words[0]
    started = explain(
        replace(ROLLOUT, warnings=words),
        State(),
        e.Started(at=NOW),
        State(phase=Phase.PREPARING),
    )
    assert words[0] in started


async def test_where_nothing_can_be_watched_the_record_is_believed(store: Store) -> None:
    recorded = await past.traffic(store, ROLLOUT.service.name)
    platform = MemoryPlatform(MemoryInventory())
    found = await foresee(platform, replace(REPORT, rollout=_weighted()), None, recorded)
    assert found.outlook is not None
    assert found.outlook.basis is Basis.RECORDED
    assert found.outlook.why


def _weighted(plan: RolloutPlan = PLAN) -> Rollout:
    weights = tuple(step.weight for step in plan.steps)
    analysis = replace(plan.analysis, weights=weights, interval=timedelta(seconds=1))
    return replace(ROLLOUT, plan=replace(plan, analysis=analysis))
