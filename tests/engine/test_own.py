"""The operator's own metrics through a whole watch: asked, paired, judged, recorded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.support.prometheus import answering
from tests.support.watching import Stage

from chimera.core.events import Judged
from chimera.core.model import Verdict
from chimera.core.plan import OwnMetric
from chimera.platforms.prometheus.provider import Prometheus

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
