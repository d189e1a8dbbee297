"""The operator's own metrics through a whole watch: asked, paired, judged, recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from tests.support.prometheus import answering
from tests.support.watching import Stage

from chimera.core.events import Judged
from chimera.core.model import Verdict
from chimera.core.plan import OwnMetric
from chimera.platforms.prometheus.provider import Prometheus
from chimera.ports.queries import Answered

RATE = OwnMetric(
    "declined",
    "prometheus",
    'declined{version="{{revision}}",service="{{service}}"}',
    total='paid{version="{{revision}}",service="{{service}}"}',
    max=0.05,
    max_increase=0.5,
    min_points=20,
)
VALUE = OwnMetric("queue", "prometheus", "queue", max=100.0)
MEAN = OwnMetric("load", "prometheus", "load", low=0.0, high=1.0, max=0.5, min_points=3)


def vector(**values: float) -> str:
    result = [
        {"metric": {"__name__": "x", "pod": pod}, "value": [1, str(value)]}
        for pod, value in values.items()
    ]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


class Shop:
    """Answers as Prometheus would: 40 payments a look and version, some declined on v2."""

    def __init__(self, declined: int) -> None:
        self.declined = declined
        self.asked: list[str] = []

    def __call__(self, _path: str, query: str) -> tuple[int, str]:
        self.asked.append(query)
        if query == "queue":
            return 200, vector(a=150.0)
        if query == "timestamp(queue)":
            return 200, vector(a=self.asked.count(query))
        rounds = self.asked.count(query)
        if query.startswith("paid"):
            return 200, vector(a=30 * rounds, b=10 * rounds)
        return 200, vector(a=rounds * (self.declined if "v2" in query else 1))


async def watched(stage: Stage, shop: Shop, *own: OwnMetric) -> Judged:
    stage.analysis = {"own": own}
    with answering(shop) as url:
        provider = Prometheus(url)
        stage.provider = lambda _name: provider
        result = await stage.watch()
        await provider.close()
    assert isinstance(result, Judged)
    return result


async def test_a_bad_rate_of_ones_own_rolls_back() -> None:
    stage, shop = Stage(), Shop(declined=15)
    result = await watched(stage, shop, RATE)
    assert result.judgement.verdict is Verdict.UNHEALTHY
    assert result.judgement.sentence.startswith("declined ")
    assert 'declined{version="v2",service="web"}' in shop.asked
    record = list(stage.ledger.looks["r1"].values())[-1]
    assert record.reading is not None
    assert record.reading.own[0].canary[0].source == '{"pod": "a"}'
    assert record.look.own[0].canary.errors == 15


async def test_a_good_rate_lets_pass() -> None:
    result = await watched(Stage(), Shop(declined=1), RATE)
    assert result.judgement.verdict is Verdict.HEALTHY


async def test_a_plain_limit_rolls_back_after_three_looks() -> None:
    stage = Stage()
    result = await watched(stage, Shop(declined=1), VALUE)
    assert result.judgement.verdict is Verdict.UNHEALTHY
    assert len(stage.ledger.looks["r1"]) == 3


class Scraped:
    """Answers with a load that is one sample for `looks` looks; it is high in every third."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.asked: dict[str, int] = {}

    def __call__(self, _path: str, query: str) -> tuple[int, str]:
        asked = self.asked[query] = self.asked.get(query, 0) + 1
        sample = asked // self.looks
        return 200, vector(a=sample if query.startswith("timestamp") else float(sample % 3 == 0))


async def test_one_sample_is_one_value_however_often_it_is_read() -> None:
    stage = Stage(analysis={"own": (MEAN,)})
    with answering(Scraped(3)) as url:
        provider = Prometheus(url)
        stage.provider = lambda _name: provider
        result = await stage.watch()
        await provider.close()
    assert isinstance(result, Judged)
    assert result.judgement.verdict is Verdict.HEALTHY
    values = [record.look.own[0].value for record in stage.ledger.looks["r1"].values()]
    assert values[:8] == [None, 0.0, None, None, 0.0, None, None, 1.0]
    assert "mean of 4 values" in " ".join(one.sentence for one in result.judgement.findings)


@dataclass
class Averaging:
    """A provider whose values are averages over 20 s; it notes what it is asked when."""

    asked: list[tuple[str, datetime]] = field(default_factory=list)

    async def ask(self, query: str, at: datetime) -> tuple[Answered, ...]:
        self.asked.append((query, at))
        return (Answered({}, 0.1),)

    def window(self, query: str) -> timedelta:
        return timedelta(seconds=20)

    async def measured(self, query: str, at: datetime) -> datetime | None:
        raise AssertionError(f"asked when {query} was measured at {at}")

    def quote(self, value: str) -> str:
        return value

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("every", "step"), [(None, 20), (timedelta(seconds=10), 10)])
async def test_an_average_counts_once_per_window_at_one_moment_for_both_arms(
    every: timedelta | None, step: int
) -> None:
    provider = Averaging()
    metric = replace(MEAN, query="{{revision}}", max_increase=1.0, every=every)
    stage = Stage(analysis={"own": (metric,)}, provider=lambda _name: provider)
    await stage.watch()
    arms = [{at for query, at in provider.asked if query == name} for name in ("v1", "v2")]
    assert arms[0] == arms[1]
    moments = sorted(arms[0])
    assert {b - a for a, b in pairwise(moments)} == {timedelta(seconds=step)}
    assert all(moment.second % step == 0 for moment in moments)
    values = [record.look.own[0].value for record in stage.ledger.looks["r1"].values()]
    assert values.count(0.1) == len(moments) - 1


async def test_both_arms_counters_are_of_the_reading_s_moment() -> None:
    provider = Averaging()
    await Stage(analysis={"own": (RATE,)}, provider=lambda _name: provider).watch()
    moments = [at for _, at in provider.asked]
    assert {moments.count(at) for at in moments} == {4}


@pytest.mark.parametrize("answer", [(503, "busy"), (200, vector(a=1.0, b=2.0)), (200, vector())])
async def test_what_cannot_be_known_is_said_and_never_passes(answer: tuple[int, str]) -> None:
    stage = Stage()
    stage.analysis = {"own": (replace(VALUE, max=1000.0),)}
    with answering(lambda _path, _query: answer) as url:
        provider = Prometheus(url)
        stage.provider = lambda _name: provider
        result = await stage.watch()
        await provider.close()
    assert isinstance(result, Judged)
    assert result.judgement.verdict is Verdict.INCONCLUSIVE
    assert "queue unknown: " in " ".join(one.sentence for one in result.judgement.findings)
