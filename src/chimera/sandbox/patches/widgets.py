"""CloudWatch: a picture of metrics, from the JSON that dashboards use."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import Any

from chimera.sandbox.patches.cloudwatch import aligned, check_statistic, invalid
from chimera.sandbox.patches.metric_math import MathError, Values, evaluate
from chimera.sandbox.patches.png import Colour, graph
from chimera.sandbox.patches.registry import Call, answers

Json = dict[str, Any]
_COLOURS: tuple[Colour, ...] = ((47, 98, 201), (192, 54, 44), (26, 127, 75), (143, 91, 0))


@answers("cloudwatch", "GetMetricWidgetImage")
def get_metric_widget_image(call: Call) -> Json:
    """Draw the widget's lines as PNG."""
    try:
        widget = json.loads(call.params["MetricWidget"])
    except ValueError as error:
        raise invalid(f"MetricWidget is not JSON: {error}") from error
    if not isinstance(widget, dict) or not isinstance(widget.get("metrics"), list):
        raise invalid("MetricWidget must have metrics.")
    size = (int(widget.get("width", 600)), int(widget.get("height", 400)))
    if not all(1 <= one <= 2000 for one in size):
        raise invalid("width and height must be from 1 to 2000.")
    window = (_moment(widget.get("start", "-PT3H")), _moment(widget.get("end", "P0D")))
    if window[1] <= window[0]:
        raise invalid("end must be after start.")
    drawn = [
        (sorted(line.points.items()), colour or _COLOURS[place % len(_COLOURS)])
        for place, (line, colour) in enumerate(_lines(call, widget, window))
    ]
    picture = graph(drawn, window, (max(160, size[0]), max(100, size[1])))
    return {"MetricWidgetImage": picture}


def _moment(text: str) -> float:
    """Read an ISO time, or a duration before now like -PT3H or P0D."""
    if found := re.fullmatch(r"-?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text):
        days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
        ago = days * 86_400 + hours * 3600 + minutes * 60 + seconds
        return time.time() - ago
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise invalid(f"{text} is no time.") from error


def _lines(
    call: Call, widget: Json, window: tuple[float, float]
) -> list[tuple[Values, Colour | None]]:
    known: dict[str, Values] = {}
    shown: list[tuple[Values, Colour | None]] = []
    previous: list[str] = []
    for place, row in enumerate(widget["metrics"]):
        options = dict(row[-1]) if row and isinstance(row[-1], dict) else {}
        words = [str(one) for one in row if not isinstance(one, dict)]
        # "." repeats the word above it, "..." all but the last ones.
        if words[:1] == ["..."]:
            words = [*previous[: len(previous) - len(words) + 1], *words[1:]]
        words = [previous[i] if one == "." else one for i, one in enumerate(words)]
        previous = words or previous
        identity = options.get("id", f"m{place}")
        known[identity] = _line(call, widget, window, words, options, known)
        if options.get("visible", True):
            shown.append((known[identity], _colour(options.get("color", ""))))
    return shown


def _line(
    call: Call,
    widget: Json,
    window: tuple[float, float],
    words: list[str],
    options: Json,
    known: dict[str, Values],
) -> Values:
    period = int(options.get("period") or widget.get("period") or 60)
    if "expression" in options:
        try:
            return evaluate(options["expression"], known, window)
        except MathError as error:
            raise invalid(str(error)) from error
    if len(words) < 2 or len(words) % 2:
        raise invalid("A metric is a namespace, a name, and pairs of dimensions.")
    pairs = zip(words[2::2], words[3::2], strict=True)
    metric = {
        "Namespace": words[0],
        "MetricName": words[1],
        "Dimensions": [{"Name": name, "Value": value} for name, value in pairs],
    }
    stat = str(options.get("stat") or widget.get("stat") or "Average")
    check_statistic(stat, period)
    return Values(aligned(call.state.metrics, metric, stat, period, *window), period, metric=True)


def _colour(text: str) -> Colour | None:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return None
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
