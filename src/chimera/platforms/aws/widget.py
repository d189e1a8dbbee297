"""A graph of CloudWatch's own, described as its dashboards describe one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from chimera.platforms.aws.streams import ArmStreams

Json = dict[str, Any]
# AWS draws at most 100 metrics; latencies are dozens of each version, and another scale.
_SIZE = {"width": 800, "height": 320}


def widget(
    title: str,
    arms: Sequence[tuple[str, ArmStreams]],
    *,
    region: str,
    period_s: int,
    window: tuple[datetime, datetime],
) -> Json:
    """Describe the requests and errors of versions. arms: what to call each, and its streams."""
    begin, end = (f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in window)
    return {
        "title": title,
        "view": "timeSeries",
        "period": period_s,
        "region": region,
        "start": begin,
        "end": end,
        "metrics": [line for words, arm in arms for line in _lines(words, arm)],
        **_SIZE,
    }


def _lines(words: str, arm: ArmStreams) -> Iterator[list[Any]]:
    for stream in dict.fromkeys((*arm.requests, *arm.errors, *arm.answered)):
        pairs = [part for pair in stream.dimensions for part in pair]
        label = f"{words} {stream.metric} {pairs[-1] if stream.metric.endswith('xx') else ''}"
        look = {"label": label.strip(), "stat": stream.stat}
        yield [stream.namespace, stream.metric, *pairs, look]
