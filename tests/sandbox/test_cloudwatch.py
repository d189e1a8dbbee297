"""CloudWatch as AWS documents it: periods, dimensions, statistics, expressions, limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.aws_errors import refused

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DIMENSIONS = [{"Name": "Service", "Value": "logo"}, {"Name": "Class", "Value": "5"}]


@pytest.fixture
def cloudwatch(client: Any, name: str) -> Any:
    """CloudWatch with 1 to 6 published at 0, 20, 40 ... seconds, in a namespace of the test's."""
    cloudwatch = client("cloudwatch")
    for place in range(6):
        put(cloudwatch, name, place + 1, START + timedelta(seconds=20 * place))
    return cloudwatch


def put(cloudwatch: Any, name: str, value: float, at: datetime, **more: Any) -> None:
    datum = {"MetricName": "errors", "Dimensions": DIMENSIONS, "Value": value, "Timestamp": at}
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{**datum, **more}])


def metric(name: str, stat: str = "Sum", period: int = 60, **more: Any) -> dict[str, Any]:
    named = {"Namespace": name, "MetricName": "errors", "Dimensions": DIMENSIONS, **more}
    return {"Id": "m", "MetricStat": {"Metric": named, "Period": period, "Stat": stat}}


def read(cloudwatch: Any, *queries: Any, start: datetime = START, **more: Any) -> Any:
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=list(queries),
        StartTime=start,
        EndTime=START + timedelta(minutes=5),
        ScanBy="TimestampAscending",
        **more,
    )
    return answer["MetricDataResults"]


def test_values_are_summed_by_whole_periods(cloudwatch: Any, name: str) -> None:
    (found,) = read(cloudwatch, metric(name))
    assert found["Timestamps"] == [START, START + timedelta(minutes=1)]
    assert found["Values"] == [6, 15]


def test_periods_begin_at_whole_minutes_wherever_the_window_does(
    cloudwatch: Any, name: str
) -> None:
    (found,) = read(cloudwatch, metric(name), start=START + timedelta(seconds=30))
    assert found["Timestamps"][0] == START
    assert found["Values"] == [6, 15]


def test_the_order_of_dimensions_does_not_matter_but_their_set_does(
    cloudwatch: Any, name: str
) -> None:
    (found,) = read(cloudwatch, metric(name, Dimensions=DIMENSIONS[::-1]))
    assert found["Values"] == [6, 15]
    (found,) = read(cloudwatch, metric(name, Dimensions=DIMENSIONS[:1]))
    assert found["Values"] == []


def test_another_namespace_is_another_metric(cloudwatch: Any, name: str) -> None:
    (found,) = read(cloudwatch, metric(f"{name}-other"))
    assert found["Values"] == []


@pytest.mark.parametrize(
    ("stat", "values"),
    [
        ("SampleCount", [3, 3]),
        ("Average", [2, 5]),
        ("Minimum", [1, 4]),
        ("Maximum", [3, 6]),
        ("p50", [2, 5]),
        ("p99", [3, 6]),
        ("p99.9", [3, 6]),
    ],
)
def test_statistics(cloudwatch: Any, name: str, stat: str, values: list[float]) -> None:
    (found,) = read(cloudwatch, metric(name, stat))
    assert found["Values"] == values


def test_values_and_counts_make_percentiles(cloudwatch: Any, name: str) -> None:
    at = START + timedelta(minutes=3)
    put(cloudwatch, name, 0, at, Values=[0.1, 0.9], Counts=[95.0, 5.0])
    assert read(cloudwatch, metric(name, "p90"))[0]["Values"][-1] == 0.1
    assert read(cloudwatch, metric(name, "p99"))[0]["Values"][-1] == 0.9


def test_the_newest_comes_first_unless_asked_otherwise(cloudwatch: Any, name: str) -> None:
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[metric(name)],
        StartTime=START,
        EndTime=START + timedelta(minutes=5),
    )
    assert answer["MetricDataResults"][0]["Values"] == [15, 6]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("m * 2", [12, 30]),
        ("100 * m / (m + m)", [50, 50]),
        ("SUM([m, m])", [12, 30]),
        ("SUM(METRICS())", [6, 15]),
        ("FILL(m, 0)", [6, 15, 0, 0, 0]),
        ("FILL(m, REPEAT)", [6, 15, 15, 15, 15]),
        ("RATE(m)", [9 / 60]),
        ("DIFF(m)", [9]),
        ("IF(m > 10, m, 0)", [0, 15]),
        ("m / (m - m)", []),
        ("m - SUM(m)", [-15, -6]),
        ("MAX([m, m * 3])", [18, 45]),
    ],
)
def test_expressions(cloudwatch: Any, name: str, expression: str, values: list[float]) -> None:
    hidden = {**metric(name), "ReturnData": False}
    (found,) = read(cloudwatch, hidden, {"Id": "e", "Expression": expression})
    assert found["Id"] == "e"
    assert found["Values"] == pytest.approx(values)


@pytest.mark.parametrize(
    "expression", ["m +", "nobody", "SEARCH('x')", "__import__('os')", "SUM(m)", "m.x", "e"]
)
def test_an_expression_that_cannot_be_computed_is_refused(
    cloudwatch: Any, name: str, expression: str
) -> None:
    with refused("ValidationError"):
        read(cloudwatch, metric(name), {"Id": "e", "Expression": expression})


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"Id": "M", "Expression": "1"}, "lowercase"),
        ({"Id": "m"}, "Exactly one"),
        (metric("n", "p101"), "not supported"),
        (metric("n", "Total"), "not supported"),
        (metric("n", period=7), "Period"),
        (metric("n", period=90), "Period"),
    ],
)
def test_a_wrong_query_is_refused(cloudwatch: Any, query: Any, says: str) -> None:
    with refused("ValidationError", says):
        read(cloudwatch, query)


def test_500_queries_are_the_most(cloudwatch: Any, name: str) -> None:
    queries = [{**metric(name), "Id": f"m{i}"} for i in range(501)]
    assert len(read(cloudwatch, *queries[:500])) == 500
    with refused("ValidationError", "500"):
        read(cloudwatch, *queries)


def test_metrics_are_listed_with_their_dimensions_in_order(cloudwatch: Any, name: str) -> None:
    (found,) = cloudwatch.list_metrics(Namespace=name)["Metrics"]
    assert found == {"Namespace": name, "MetricName": "errors", "Dimensions": DIMENSIONS}
    other = [{"Name": "Class", "Value": "2"}]
    assert cloudwatch.list_metrics(Namespace=name, Dimensions=other)["Metrics"] == []


def test_one_metric_is_read_the_old_way(cloudwatch: Any, name: str) -> None:
    found = cloudwatch.get_metric_statistics(
        Namespace=name,
        MetricName="errors",
        Dimensions=DIMENSIONS,
        StartTime=START,
        EndTime=START + timedelta(minutes=2),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    assert sorted(one["Sum"] for one in found) == [6, 15]
