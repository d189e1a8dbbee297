"""The picture of a metric is a picture, and shows the metric."""

from __future__ import annotations

import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.aws_errors import refused

START = datetime(2026, 1, 1, tzinfo=UTC)
BLUE, RED = (47, 98, 201), (192, 54, 44)


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Return width, height and rows of an 8-bit RGB picture without filters."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    size = struct.unpack(">I", png[33:37])[0]
    raw = zlib.decompress(png[41 : 41 + size])
    row = 1 + 3 * width
    return width, height, [raw[at + 1 : at + row] for at in range(0, len(raw), row)]


def where(rows: list[bytes], colour: tuple[int, int, int]) -> list[tuple[int, int]]:
    return [
        (x // 3, y)
        for y, row in enumerate(rows)
        for x in range(0, len(row), 3)
        if tuple(row[x : x + 3]) == colour
    ]


@pytest.fixture
def cloudwatch(client: Any, name: str) -> Any:
    """A metric that rises from 0 to 9 in ten minutes."""
    cloudwatch = client("cloudwatch")
    for minute in range(10):
        at = START + timedelta(minutes=minute)
        datum = {"MetricName": "load", "Value": minute, "Timestamp": at}
        cloudwatch.put_metric_data(Namespace=name, MetricData=[datum])
    return cloudwatch


def draw(cloudwatch: Any, *metrics: Any, **more: Any) -> bytes:
    widget = {
        "metrics": metrics,
        "start": START.isoformat(),
        "end": (START + timedelta(minutes=10)).isoformat(),
        "width": 400,
        "height": 200,
        **more,
    }
    answer = cloudwatch.get_metric_widget_image(MetricWidget=json.dumps(widget))
    picture: bytes = answer["MetricWidgetImage"]
    return picture


def test_a_rising_metric_is_a_rising_line(cloudwatch: Any, name: str) -> None:
    width, height, rows = pixels(draw(cloudwatch, [name, "load"]))
    assert (width, height) == (400, 200)
    line = where(rows, BLUE)
    left, right = min(line), max(line)
    assert left[1] > right[1] + 100
    assert right[0] > left[0] + 200


def test_an_expression_is_drawn_and_what_is_hidden_is_not(cloudwatch: Any, name: str) -> None:
    hidden = [name, "load", {"id": "m", "visible": False}]
    twice = [{"expression": "m * 2", "id": "e", "color": "#c0362c"}]
    _, _, rows = pixels(draw(cloudwatch, hidden, twice))
    assert where(rows, RED)
    assert not where(rows, BLUE)


@pytest.mark.parametrize(
    "given",
    [
        {"metrics": "all"},
        {"width": 0},
        {"end": "yesterday"},
        {"start": "P0D", "end": "-PT1H"},
        {"metrics": [["namespace"]]},
        {"metrics": [[{"expression": "nobody"}]]},
    ],
)
def test_a_wrong_widget_is_refused(cloudwatch: Any, given: Any) -> None:
    with refused("ValidationError"):
        draw(cloudwatch, **given)
