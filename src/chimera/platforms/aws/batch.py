"""Reading CloudWatch for all rollouts of an account and region in one call."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chimera.core.errors import ProviderUnavailable
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.session import Account

MAX_QUERIES = 500
MAX_POINTS = 100_800
# Points may come or be corrected this many periods late; they are asked for again so long.
_LATE = 15
# A stream that nobody asked for during so many periods is no longer read for others.
_KEPT = 10
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Stream:
    """One metric with its dimensions in their declared order, and what is asked of each period."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str = "Sum"

    def query(self, id: str, period_s: int) -> dict[str, Any]:  # noqa: A002 - CloudWatch's word
        """Return it as a query of GetMetricData."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {
            "Namespace": self.namespace,
            "MetricName": self.metric,
            "Dimensions": dimensions,
        }
        stat = {"Metric": metric, "Period": period_s, "Stat": self.stat}
        return {"Id": id, "MetricStat": stat, "ReturnData": True}

    def __str__(self) -> str:
        dimensions = ",".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace} {self.metric}{{{dimensions}}}"


@dataclass(slots=True)
class _Series:
    """What is known of a stream. points: the period's start in epoch seconds -> value."""

    since: int
    asked_at: float
    known_until: int | None = None
    points: dict[int, float] = field(default_factory=dict)


class Batch:
    """All streams of one account, region and period that anybody in this process reads.

    One fetch reads them all, at most four times a period, whoever asked: the number of calls does
    not grow with the number of rollouts up to 500 streams. A point that comes late or is corrected
    replaces what was known.
    """

    def __init__(self, account: Account, period_s: int) -> None:
        self._account = account
        self._period_s = period_s
        self._series: dict[Stream, _Series] = {}
        self._fetched_at = -math.inf
        self._fetching = asyncio.Lock()

    async def read(
        self, streams: Iterable[Stream], since: datetime
    ) -> Mapping[Stream, Mapping[int, float]]:
        """Return by stream the values of its periods since then, by their start; gaps stay gaps."""
        wanted = tuple(streams)
        start = int(since.timestamp()) // self._period_s * self._period_s
        for stream in wanted:
            self._subscribe(stream, start)
        async with self._fetching:
            new = any(self._series[stream].known_until is None for stream in wanted)
            stale = time.monotonic() - self._fetched_at >= self._period_s / _TICKS
            if new or stale:
                await self._fetch()
        return {stream: self._series[stream].points for stream in wanted}

    def _subscribe(self, stream: Stream, start: int) -> None:
        now = time.monotonic()
        series = self._series.get(stream)
        if series is None or start < series.since:
            self._series[stream] = _Series(start, now)
        else:
            series.asked_at = now

    async def _fetch(self) -> None:
        at = time.monotonic()
        oldest = at - _KEPT * self._period_s
        self._series = {
            stream: series for stream, series in self._series.items() if series.asked_at >= oldest
        }
        until = (int(datetime.now(UTC).timestamp()) // self._period_s + 1) * self._period_s
        for group in (
            [s for s, series in self._series.items() if series.known_until is not None],
            [s for s, series in self._series.items() if series.known_until is None],
        ):
            at_once = self._at_once(group, until)
            for start in range(0, len(group), at_once):
                await self._ask(group[start : start + at_once], until)
        self._fetched_at = at

    def _at_once(self, streams: Sequence[Stream], until: int) -> int:
        """Return how many streams one call may ask for: CloudWatch bounds the points as well."""
        oldest = min(map(self._start, streams), default=until)
        points = max(1, (until - oldest) // self._period_s)
        return max(1, min(MAX_QUERIES, MAX_POINTS // points))

    async def _ask(self, streams: Sequence[Stream], until: int) -> None:
        ids = {f"m{number}": stream for number, stream in enumerate(streams)}
        results = await self._account.pages(
            self._account.cloudwatch.get_metric_data,
            "MetricDataResults",
            MetricDataQueries=[s.query(id, self._period_s) for id, s in ids.items()],  # noqa: A001
            StartTime=datetime.fromtimestamp(min(map(self._start, streams)), UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
            ScanBy="TimestampAscending",
        )
        for result in results:
            if result.get("StatusCode") in {"InternalError", "Forbidden"}:
                reason = f"no data for {ids[result['Id']]}: {result['StatusCode']}"
                raise ProviderUnavailable(PROVIDER, "cloudwatch GetMetricData", reason)
            series = self._series[ids[result["Id"]]]
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                at = int(moment.timestamp()) // self._period_s * self._period_s
                if at >= series.since and math.isfinite(value) and value >= 0:
                    series.points[at] = float(value)
        for stream in streams:
            self._series[stream].known_until = until

    def _start(self, stream: Stream) -> int:
        series = self._series[stream]
        if series.known_until is None:
            return series.since
        return max(series.since, series.known_until - _LATE * self._period_s)


class Batches:
    """The batches of one process."""

    def __init__(self) -> None:
        self._batches: dict[tuple[int, int], Batch] = {}

    def of(self, account: Account, period_s: int) -> Batch:
        """Return the batch of an account and period, always the same one."""
        key = (id(account), period_s)
        if key not in self._batches:
            self._batches[key] = Batch(account, period_s)
        return self._batches[key]
