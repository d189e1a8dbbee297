"""Numbers in words."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.core.words import chance, count, duration, millis, percent


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (0.098, "9.8 %"),
        (0.01, "1 %"),
        (0.0004, "0.04 %"),
        (0.00001, "0.001 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.41, "41 %"),
        (0.1234, "12.3 %"),
        (0.9999, "over 99.9 %"),
        (5e-9, "0.0000005 %"),
        (12.0, "1,200 %"),
        (0.00999, "1 %"),
    ],
)
def test_percent(ratio: float, said: str) -> None:
    assert percent(ratio) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12.3, "12 ms"),
        (0.42, "0.42 ms"),
        (0, "0 ms"),
        (300, "300 ms"),
        (1234.4, "1,234 ms"),
        (12_500, "12.5 s"),
        (9.96, "10 ms"),
        (60_000, "60 s"),
    ],
)
def test_millis(value: float, said: str) -> None:
    assert millis(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.4, "0.4 s"),
        (6, "6 s"),
        (59.97, "1 min"),
        (90, "1 min 30 s"),
        (600, "10 min"),
        (3_900, "1 h 5 min"),
        (3_601, "1 h"),
        (183_600, "2 d 3 h"),
        (-5, "0 s"),
    ],
)
def test_duration(seconds: float, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said


def test_counts_and_chances() -> None:
    assert count(1, "request") == "1 request"
    assert count(2300, "request") == "2,300 requests"
    assert chance(2312) == "1 chance in 2,300"
    assert chance(1.5) == "nothing unusual"
    assert chance(1e9) == "less than 1 chance in a million"


@given(st.floats(0, 1e6, allow_nan=False))
def test_no_number_is_said_in_powers_of_ten(value: float) -> None:
    assert "e" not in percent(value).replace("over", "")
    assert "e" not in millis(value)
