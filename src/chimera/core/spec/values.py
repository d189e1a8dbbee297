"""Durations and percentages as operators write them, and what a spec says when they are wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

DURATION = re.compile(r"(?=\d)(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?(?:(\d{1,10})ms)?")
_PERCENT = re.compile(r"(\d{1,5}(?:\.\d{1,9})?)\s?%")
_RATIO = re.compile(r"0?\.\d{1,12}")
_SHOWN = 60


def mistake(sentence: str) -> PydanticCustomError:
    """Make the error by which a validator tells the operator `sentence`."""
    return PydanticCustomError("mistake", "{sentence}", {"sentence": sentence})


def mistakes(found: list[tuple[tuple[str | int, ...], str]]) -> PydanticCustomError:
    """Make the error that tells several sentences, each at a place below the validated value."""
    return PydanticCustomError("mistakes", "several mistakes", {"found": found})


def show(value: object) -> str:
    """Return `value` as an operator would recognise it, shortened."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    text = str(value)
    return f"'{text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}'"


def read_duration(value: Any) -> timedelta:
    """Read '1h30m', '30s' or '500ms'; a number without a unit is refused."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise mistake(f"a duration needs a unit; say {value}ms, {value}s or {value}m")
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise mistake(f"a duration is written like 500ms, 30s, 5m or 1h30m, not {show(value)}")
    hours, minutes, seconds, millis = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)


def format_duration(value: timedelta) -> str:
    """Write a duration so that `read_duration` reads the same; to the millisecond."""
    left = value // timedelta(milliseconds=1)
    text = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def say_duration(value: timedelta) -> str:
    """Write a duration for people: '10 min', '1 h 30 min'."""
    words = re.findall(r"(\d+)([a-z]+)", format_duration(value))
    return " ".join(f"{count} {'min' if unit == 'm' else unit}" for count, unit in words)


def read_percent(value: Any) -> float:
    """Read '1%', '0.5 %' or a ratio below 1; a bare 1 is ambiguous and refused."""
    if isinstance(value, str):
        if found := _PERCENT.fullmatch(value):
            return float(Decimal(found[1]) / 100)
        if _RATIO.fullmatch(value):
            return float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value < 1:
            return float(value)
        if value >= 1:
            raise mistake(f"{value} could be {value}% or {format_percent(value)}; write which")
    raise mistake(f"a share is written like 1%, 0.5% or 0.01, not {show(value)}")


def format_percent(value: float) -> str:
    """Write a ratio as a percentage that `read_percent` reads as the same number."""
    text = format(Decimal(repr(value)) * 100, "f")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def check_duration(value: timedelta, least: str, most: str) -> timedelta:
    """Return `value` if it lies between two durations, both allowed."""
    if value < read_duration(least):
        raise mistake(f"at least {least}, not {format_duration(value)}")
    if value > read_duration(most):
        raise mistake(f"at most {most}, not {format_duration(value)}")
    return value


def check_share(value: float, least: float, most: float) -> float:
    """Return `value` if it lies between two ratios, both allowed."""
    if value < least:
        raise mistake(f"at least {format_percent(least)}, not {format_percent(value)}")
    if value > most:
        raise mistake(f"at most {format_percent(most)}, not {format_percent(value)}")
    return value


def lasting(least: str, most: str) -> AfterValidator:
    """Bound a Duration, both ends allowed."""
    return AfterValidator(lambda value: check_duration(value, least, most))


def share(least: float, most: float) -> AfterValidator:
    """Bound a Percent, both ends allowed."""
    return AfterValidator(lambda value: check_share(value, least, most))


DURATION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": "^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
    "examples": ["500ms", "30s", "5m", "1h30m"],
}
PERCENT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s?%$"},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    ],
    "examples": ["1%", 0.01],
}

Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(DURATION_SCHEMA),
]
Percent = Annotated[
    float,
    BeforeValidator(read_percent),
    PlainSerializer(format_percent, return_type=str),
    WithJsonSchema(PERCENT_SCHEMA),
]
