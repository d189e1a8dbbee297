"""Counters made of CloudWatch's sums: what is missing is unknown, what comes late is corrected."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.aws import CLUSTER

from chimera.core.errors import ProviderUnavailable
from chimera.platforms.aws.batch import Batch, Stream
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.session import Account, Accounts
from chimera.platforms.aws.streams import ArmStreams, end_of
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule

PERIOD_S = 60


@dataclass
class Metrics:
    """A namespace of its own, and its batch. calls: GetMetricData requests so far."""

    box: Sandbox
    account: Account
    accounts: Accounts
    namespace: str
    calls: Counter[str]

    def stream(self, family: str = "shop", code: str = "2") -> Stream:
        dimensions = (
            ("ClusterName", CLUSTER),
            ("TaskDefinitionFamily", family),
            ("envoy_http_conn_manager_prefix", "ingress"),
            ("envoy_response_code_class", code),
        )
        return Stream(self.namespace, "envoy_http_downstream_rq_xx", dimensions)

    def put(self, stream: Stream, minutes_ago: int, value: float) -> None:
        self.box.session().client("cloudwatch").put_metric_data(
            Namespace=stream.namespace,
            MetricData=[
                {
                    "MetricName": stream.metric,
                    "Dimensions": [{"Name": n, "Value": v} for n, v in stream.dimensions],
                    "Timestamp": begin() - timedelta(minutes=minutes_ago),
                    "Value": value,
                }
            ],
        )

    def batch(self) -> Batch:
        return Batch(self.account, PERIOD_S)


def begin() -> datetime:
    """Return when the minute that runs now began."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
async def metrics(box: Sandbox) -> AsyncIterator[Metrics]:
    accounts = Accounts()
    calls: Counter[str] = Counter()
    accounts.hooks.append(lambda _, name, moment: calls.update([name] if moment == "sent" else []))
    account = await accounts.open(Identity(), "cloudwatch")
    yield Metrics(box, account, accounts, f"test/{secrets.token_hex(4)}", calls)
    accounts.close()


async def test_a_gap_stays_a_gap_and_is_never_zero(metrics: Metrics) -> None:
    stream = metrics.stream()
    metrics.put(stream, 5, 10)
    metrics.put(stream, 2, 7)
    found = await metrics.batch().read([stream], begin() - timedelta(minutes=10))
    points = found[stream]
    assert sorted(points.values()) == [7, 10]
    assert max(points) - min(points) == 3 * PERIOD_S


async def test_points_before_the_start_do_not_count(metrics: Metrics) -> None:
    stream = metrics.stream()
    metrics.put(stream, 30, 99)
    metrics.put(stream, 1, 1)
    found = await metrics.batch().read([stream], begin() - timedelta(minutes=10))
    assert list(found[stream].values()) == [1]


async def test_a_late_point_is_added_when_it_comes(metrics: Metrics) -> None:
    stream, other = metrics.stream(), metrics.stream("other")
    batch, since = metrics.batch(), begin() - timedelta(minutes=20)
    metrics.put(stream, 1, 5)
    assert sum((await batch.read([stream], since))[stream].values()) == 5
    metrics.put(stream, 3, 4)
    metrics.put(stream, 1, 2)
    found = await batch.read([stream, other], since)  # the new stream makes it ask again
    assert sum(found[stream].values()) == 11
    assert found[other] == {}


async def test_one_call_serves_all_rollouts(metrics: Metrics) -> None:
    batch, since = metrics.batch(), begin() - timedelta(minutes=5)
    streams = [[metrics.stream(f"f{n}", code) for code in "2345"] for n in range(50)]
    for group in streams:
        metrics.put(group[0], 1, 3)
        for stream in group:
            batch._subscribe(stream, int(since.timestamp()))
    await asyncio.gather(*(batch.read(group, since) for group in streams))
    for group in streams:
        assert list((await batch.read(group, since))[group[0]].values()) == [3]
    assert metrics.calls["GetMetricData"] == 1


async def test_more_than_five_hundred_streams_take_two_calls(metrics: Metrics) -> None:
    streams = [metrics.stream(f"f{n}") for n in range(501)]
    await metrics.batch().read(streams, begin() - timedelta(minutes=5))
    assert metrics.calls["GetMetricData"] == 2


async def test_no_answer_is_said_and_not_taken_for_zero(metrics: Metrics) -> None:
    metrics.box.faults.set([Rule(fault="error", service="cloudwatch", action="GetMetricData")])
    with pytest.raises(ProviderUnavailable):
        await metrics.batch().read([metrics.stream()], begin() - timedelta(minutes=5))


def test_only_whole_periods_end_a_reading() -> None:
    stream = Stream("n", "m", ())
    arm, now = ArmStreams((stream,), ()), int(begin().timestamp())
    points = {stream: {now: 1.0, now - 60: 1.0, now - 180: 1.0}}
    assert end_of(arm, points, now - 600, PERIOD_S, now + 59) == now
    assert end_of(arm, {stream: {}}, now - 600, PERIOD_S, now + 59) == 0
