"""Read Envoy's statistics: JSON text -> numbers. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

StatValue = int | str

_COUNTERS = (
    "upstream_rq_completed",
    "upstream_rq_[2345]xx",
    "upstream_rq_active",
    "upstream_rq_timeout",
    "upstream_rq_per_try_idle_timeout",
    "upstream_rq_time",
    "upstream_rq_retry",
    "upstream_cx_connect_fail",
    "upstream_cx_protocol_error",
    "retry.upstream_rq_5xx",
)


@dataclass(frozen=True, slots=True)
class Latency:
    """Cumulative counts of response times: `counts[i]` took at most `bounds_ms[i]`.

    Both ascend and have shape (n_bounds,); `total` includes what exceeds the last bound. Envoy
    measures whole milliseconds, and only requests that a replica answered.
    """

    bounds_ms: tuple[float, ...]
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ClusterCounters:
    """What one cluster has done since its Envoy started; all counts only grow, save `active`.

    `completed` counts requests once, whatever the retries, and includes those without any answer
    (refused, reset, timed out), which Envoy answers itself and counts under `status_5xx`.
    `truncated` are answers that broke off: counted under their status, yet users got an error.
    `retried_5xx` are errors that a retry hid from users. The rest explains where errors come from.
    """

    completed: int = 0
    status_2xx: int = 0
    status_3xx: int = 0
    status_4xx: int = 0
    status_5xx: int = 0
    truncated: int = 0
    retried_5xx: int = 0
    active: int = 0
    timeouts: int = 0
    connect_failures: int = 0
    retries: int = 0
    latency: Latency = Latency((), (), 0)

    @property
    def errors(self) -> int:
        """Count failed requests: 5xx, broken off, or hidden by a retry; never above completed."""
        return min(self.completed, self.status_5xx + self.truncated + self.retried_5xx)


def counters_filter(clusters: Iterable[str]) -> str:
    """Return the expression that selects what `cluster_counters` reads."""
    names = "|".join(clusters)
    return rf"^cluster\.({names})\.({'|'.join(_COUNTERS)})$".replace("retry.", r"retry\.")


def parse(text: str) -> tuple[dict[str, StatValue], dict[str, Latency]]:
    """Split /stats?format=json&histogram_buckets=cumulative into values and histograms by name."""
    values: dict[str, StatValue] = {}
    histograms: dict[str, Latency] = {}
    for entry in json.loads(text)["stats"]:
        if "name" in entry:
            values[entry["name"]] = entry["value"]
        for histogram in entry.get("histograms", ()):
            histograms[histogram["name"]] = _latency(histogram["buckets"])
    return values, histograms


def _latency(buckets: list[Mapping[str, Any]]) -> Latency:
    bounds = tuple(float(bucket["upper_bound"]) for bucket in buckets)
    counts = tuple(int(bucket["cumulative"]) for bucket in buckets)
    # The last bound is one that nothing exceeds (see config): its count is the total.
    return Latency(bounds[:-1], counts[:-1], counts[-1] if counts else 0)


def cluster_counters(
    cluster: str, values: Mapping[str, StatValue], histograms: Mapping[str, Latency]
) -> ClusterCounters:
    """Gather one cluster's counters; what Envoy has not counted yet is 0."""

    def count(name: str) -> int:
        return int(values.get(f"cluster.{cluster}.{name}", 0))

    return ClusterCounters(
        completed=count("upstream_rq_completed"),
        status_2xx=count("upstream_rq_2xx"),
        status_3xx=count("upstream_rq_3xx"),
        status_4xx=count("upstream_rq_4xx"),
        status_5xx=count("upstream_rq_5xx"),
        # An answer cut short is a protocol error to Envoy, a missing one is not.
        truncated=count("upstream_cx_protocol_error"),
        retried_5xx=count("retry.upstream_rq_5xx"),
        active=count("upstream_rq_active"),
        timeouts=count("upstream_rq_timeout") + count("upstream_rq_per_try_idle_timeout"),
        connect_failures=count("upstream_cx_connect_fail"),
        retries=count("upstream_rq_retry"),
        latency=histograms.get(f"cluster.{cluster}.upstream_rq_time", Latency((), (), 0)),
    )
