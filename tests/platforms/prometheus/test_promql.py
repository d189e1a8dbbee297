"""How much time a value of a query speaks of."""

from datetime import timedelta

import pytest

from chimera.platforms.prometheus.promql import SCRAPED, window


@pytest.mark.parametrize(
    "query",
    [
        "queue",
        " queue ",
        "job:queue:max",
        'queue{version="v2"}',
        'queue{version="a}b\\"",pod=~"x{2}"}',
        "{__name__=\"queue\", version='v2'}",
    ],
)
def test_a_plain_series_knows_its_own_time(query: str) -> None:
    assert window(query) == timedelta(0)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("avg(queue)", 60),
        ("queue * 2", 60),
        ("inf", 60),
        ("NaN", 60),
        ("1", 60),
        ("rate(x[30s])", 60),
        ("rate(x[5m])", 300),
        ("rate(x[1h30m]) / rate(y[5m])", 5400),
        ("max_over_time(rate(x[5m])[1h:30s])", 3900),
        ("max_over_time(rate(x[5m])[1h:])", 3900),
        ('avg_over_time(x{path="[9d]"}[90000ms])', 90),
        ("avg_over_time(x[300])", 300),
    ],
)
def test_an_expression_speaks_of_its_longest_range(query: str, seconds: int) -> None:
    assert window(query) == max(timedelta(seconds=seconds), SCRAPED)
