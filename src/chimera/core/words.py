"""Words for people: ratios, milliseconds, durations, counts and chances; and texts made safe."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def _digits(value: float, significant: int = 2) -> str:
    """Return `value` rounded to `significant` digits, never in powers of ten, no trailing zeros."""
    text = f"{value:.{significant}g}"
    if "e" in text:
        text = f"{float(text):.12f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(ratio: float) -> str:
    """Say a ratio: 0.098 is "9.8 %", 0.0004 is "0.04 %"; only 1 and more is "100 %"."""
    value = ratio * 100
    if abs(value) < 1:
        return f"{_digits(value)} %"
    if 99.95 <= value < 100:
        return "over 99.9 %"
    return f"{value:,.1f}".removesuffix(".0") + " %"


def millis(value_ms: float) -> str:
    """Say a latency: 12.3 is "12 ms", 0.42 is "0.42 ms", 12,500 is "12.5 s"."""
    if value_ms >= 10_000:
        return f"{value_ms / 1000:,.1f}".removesuffix(".0") + " s"
    return f"{_digits(value_ms)} ms" if value_ms < 10 else f"{value_ms:,.0f} ms"


def duration(span: timedelta) -> str:
    """Say a duration in at most two units: "0.4 s", "1 min 30 s", "10 min", "2 d 3 h"."""
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 9.95 and abs(seconds - round(seconds)) >= 0.05:
        return f"{seconds:.1f} s"
    left = round(seconds)
    for index, (unit, size) in enumerate(_UNITS[:-1]):
        if left >= size:
            smaller_unit, smaller = _UNITS[index + 1]
            whole, rest = divmod(left, size)
            rest //= smaller
            return f"{whole} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{left} s"


def count(number: int, noun: str = "") -> str:
    """Say a number of things: "1 request", "2,300 requests"."""
    plural = noun if number == 1 or not noun else f"{noun}s"
    return f"{number:,} {plural}".rstrip()


def number(value: float) -> str:
    """Say any number: "1,234", "0.0012", at most three digits that matter below 1,000."""
    return f"{value:,.0f}" if abs(value) >= 1000 else _digits(value, 3)


def chance(one_in: float) -> str:
    """Say how rare something is: 2312 is "1 chance in 2,300"."""
    if one_in < 2:
        return "nothing unusual"
    if one_in >= 1e6:
        return "less than 1 chance in a million"
    return f"1 chance in {int(float(f'{one_in:.2g}')):,}"


def plain(text: object) -> str:
    """Return `text` on one line without what could steer a terminal or a page, such as reasons."""
    return harmless(" ".join(str(text).split()))


def harmless(text: str, keep: str = "") -> str:
    """Return `text` without what steers a terminal or turns text around, its blanks as they are.

    keep: control characters that may stay.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if c not in keep and unicodedata.category(c) in {"Cc", "Cf", "Cs"}
        else c
        for c in text
    )
