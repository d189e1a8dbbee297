"""CloudWatch: publishing, listing and reading metrics, aligned to periods."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.metrics import Dimensions, Metrics, bound_of, percentile_of, statistic
from chimera.sandbox.patches.metric_math import MathError, Values, evaluate
from chimera.sandbox.patches.registry import Call, answers, page

Json = dict[str, Any]
_STATISTICS = {"Sum", "SampleCount", "Average", "Minimum", "Maximum"}
_MOST_QUERIES, _MOST_POINTS = 500, 100_800


def invalid(message: str) -> AwsError:
    """Return CloudWatch's error about a request."""
    return AwsError("ValidationError", message)


def _dimensions(given: Iterable[Json]) -> Dimensions:
    return tuple((one["Name"], one["Value"]) for one in given)


@answers("cloudwatch", "PutMetricData")
def put_metric_data(call: Call) -> Json:
    """Publish samples."""
    for datum in call.params.get("MetricData", ()):
        values = datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
        counts = datum.get("Counts") or [1.0] * len(values)
        if "StatisticValues" in datum:
            given = datum["StatisticValues"]
            values, counts = [given["Sum"] / given["SampleCount"]], [given["SampleCount"]]
        at = _unix(datum.get("Timestamp", time.time()))
        call.state.metrics.put(
            call.params["Namespace"],
            datum["MetricName"],
            _dimensions(datum.get("Dimensions", ())),
            at,
            zip(values, counts, strict=True),
        )
    return {}


def _unix(value: Any) -> float:
    if not isinstance(value, datetime):
        return float(value)
    # moto's parser gives naive times in UTC.
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


@answers("cloudwatch", "ListMetrics")
def list_metrics(call: Call) -> Json:
    """List metrics by namespace, name and dimensions."""
    params = call.params
    wanted = [(one["Name"], one.get("Value")) for one in params.get("Dimensions", ())]
    found = []
    for namespace, name, series in call.state.metrics.listed():
        dimensions = dict(series.dimensions)
        if params.get("Namespace") not in {None, namespace}:
            continue
        if params.get("MetricName") not in {None, name}:
            continue
        if all(key in dimensions and value in {None, dimensions[key]} for key, value in wanted):
            listed = [{"Name": key, "Value": value} for key, value in series.dimensions]
            found.append({"Namespace": namespace, "MetricName": name, "Dimensions": listed})
    return page(call, found, into="Metrics", size=500)


@answers("cloudwatch", "GetMetricData")
def get_metric_data(call: Call) -> Json:
    """Read metrics and expressions, newest first unless asked otherwise."""
    params = call.params
    queries = params["MetricDataQueries"]
    start, end = _unix(params["StartTime"]), _unix(params["EndTime"])
    check_queries(queries, start, end)
    results = compute(call.state.metrics, queries, start, end)
    ascending = params.get("ScanBy") == "TimestampAscending"
    output = []
    for query in queries:
        if query.get("ReturnData") is False:
            continue
        points = sorted(results[query["Id"]].points.items(), reverse=not ascending)
        output.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or label(query),
                "Timestamps": [at for at, _ in points],
                "Values": [value for _, value in points],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": output, "Messages": []}


def label(query: Json) -> str:
    """Name a query's line as CloudWatch does when no label is given."""
    stat = query.get("MetricStat")
    return str(stat["Metric"]["MetricName"] if stat else query["Id"])


def check_queries(queries: list[Json], start: float, end: float) -> None:
    """Raise AwsError for what GetMetricData refuses."""
    if len(queries) > _MOST_QUERIES:
        raise invalid(f"The collection MetricDataQueries must not exceed {_MOST_QUERIES}.")
    if end <= start:
        raise invalid("The parameter EndTime must be greater than StartTime.")
    identities = [query["Id"] for query in queries]
    if len(set(identities)) != len(identities):
        raise invalid("The values for parameter Id in MetricDataQueries are not unique.")
    points = 0.0
    for query in queries:
        if not re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,254}", query["Id"]):
            raise invalid("The value for parameter Id must start with a lowercase letter.")
        if ("MetricStat" in query) == ("Expression" in query):
            raise invalid("Exactly one of MetricStat and Expression must be specified.")
        if "MetricStat" in query:
            period = query["MetricStat"]["Period"]
            check_statistic(query["MetricStat"]["Stat"], period)
            points += (end - start) / period
    if points > _MOST_POINTS:
        raise invalid(f"You have requested more than {_MOST_POINTS} datapoints.")


def check_statistic(name: str, period: int) -> None:
    """Raise AwsError for an unknown statistic or a period that CloudWatch does not have."""
    known = (percentile_of(name), bound_of(name))
    if name not in _STATISTICS and known == (None, None):
        raise invalid(f"The value {name} for parameter Stat is not supported.")
    if period not in {1, 5, 10, 20, 30} and (period < 60 or period % 60):
        raise invalid(f"Period {period} must be 1, 5, 10, 20, 30 or a multiple of 60.")


def compute(metrics: Metrics, queries: list[Json], start: float, end: float) -> dict[str, Values]:
    """Return the points of every query by its id, expressions last."""
    results: dict[str, Values] = {}
    for query in queries:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = stat["Metric"]
            points = aligned(metrics, metric, stat["Stat"], stat["Period"], start, end)
            results[query["Id"]] = Values(points, stat["Period"], metric=True)
    waiting = [query for query in queries if "Expression" in query]
    while waiting:
        ready = [one for one in waiting if not _names(one, waiting)]
        if not ready:
            raise invalid("Expressions refer to each other in a circle.")
        for query in ready:
            try:
                results[query["Id"]] = evaluate(query["Expression"], results, (start, end))
            except MathError as error:
                raise invalid(f"Error in expression '{query['Id']}': {error}") from error
            waiting.remove(query)
    return results


def _names(query: Json, others: list[Json]) -> bool:
    used = set(re.findall(r"\b[a-z]\w*\b", query["Expression"]))
    return any(other["Id"] in used for other in others)


def aligned(
    metrics: Metrics, metric: Json, stat: str, period: int, start: float, end: float
) -> dict[float, float]:
    """Return the statistic by the start of its period; periods begin at whole multiples."""
    series = metrics.find(
        metric.get("Namespace", ""),
        metric["MetricName"],
        _dimensions(metric.get("Dimensions", ())),
    )
    if series is None:
        return {}
    buckets: dict[float, list[Any]] = {}
    first = start // period * period
    for sample in series.samples:
        bucket = sample.at // period * period
        if first <= bucket < end:
            buckets.setdefault(bucket, []).append(sample)
    found = {at: statistic(stat, samples) for at, samples in buckets.items()}
    return {at: value for at, value in found.items() if value is not None}


@answers("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(call: Call) -> Json:
    """Read one metric the old way."""
    params = call.params
    start, end = _unix(params["StartTime"]), _unix(params["EndTime"])
    names = [*params.get("Statistics", ()), *params.get("ExtendedStatistics", ())]
    points: dict[float, Json] = {}
    for name in names:
        check_statistic(name, params["Period"])
        values = aligned(call.state.metrics, params, name, params["Period"], start, end)
        for at, value in values.items():
            point = points.setdefault(at, {"Timestamp": at, "Unit": "None"})
            if name in _STATISTICS:
                point[name] = value
            else:
                point.setdefault("ExtendedStatistics", {})[name] = value
    return {"Label": params["MetricName"], "Datapoints": list(points.values())}
