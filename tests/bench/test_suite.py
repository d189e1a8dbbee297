"""Each benchmark runs in its smallest form and reports numbers that make sense."""

from __future__ import annotations

import math

import pytest

from chimera.bench import catalog
from chimera.bench.report import Bench, Figure, Report

TINY = 0.001


async def measured(name: str) -> dict[str, Figure]:
    report: Report = await catalog.find(name).run(Bench(effort=TINY))
    assert report.notes
    figures = {figure.name: figure for figure in report.figures}
    assert len(figures) == len(report.figures)
    assert not any(math.isnan(figure.value) for figure in report.figures)
    return figures


def test_there_is_a_benchmark_for_each_promise() -> None:
    promised = {"abort", "aws", "core", "detection", "judging", "scale", "shift", "startup"}
    assert promised <= set(catalog.names())
    for name in catalog.names():
        assert catalog.find(name).about.endswith(".")


async def test_core() -> None:
    figures = await measured("core")
    assert figures["broken promises"].value == 0
    assert figures["simulated rollouts per minute"].value > 1000


async def test_judging() -> None:
    figures = await measured("judging")
    assert 1 < figures["one look of the judge, p50"].value < 100_000
    assert figures["looks judged in batch, a second"].value > 100


async def test_abort() -> None:
    figures = await measured("abort")
    assert figures["failed requests"].value == 0
    assert 0 <= figures["abort to last canary response, p50"].value < 10
    assert figures["requests"].value >= 40


async def test_aws() -> None:
    figures = await measured("aws")
    for platform in ("ecs-alb", "ecs-appmesh"):
        assert 30 < figures[f"{platform}: calls of a promoted rollout"].value < 500
        read = figures[f"{platform}: an hour of watching 2, GetMetricData"]
        assert read.goal == 240
        assert figures[f"{platform}: an hour of watching 2, calls"].value > 0


async def test_detection() -> None:
    figures = await measured("detection")
    assert 0 < figures["first canary traffic to decision, worst"].value < 60
    assert figures["failed requests met by users, worst"].value >= 1


@pytest.mark.timeout(600)
async def test_scale() -> None:
    figures = await measured("scale")
    assert figures["2 rollouts: looks in the ledger"].value > 0
    assert 0 <= figures["2 rollouts: a look is late, p99"].value < 5000
    assert 0 <= figures["2 rollouts: weight set to its watch's first reading, p99"].value < 60
    assert figures["2 rollouts: memory, server"].value > 10
    assert 0 < figures["2 rollouts: abort to all on stable, p50"].value < 10


async def test_shift() -> None:
    figures = await measured("shift")
    assert figures["failed requests"].value == 0
    assert 0 < figures["one weight change, p50"].value < 10_000


async def test_startup() -> None:
    figures = await measured("startup")
    assert 0.01 < figures["chimera --help, p50"].value < 30
    assert 0.1 < figures["controller, cold start to ready, p50"].value < 30
