"""What a PromQL query tells of the time that its values speak of."""

from __future__ import annotations

import re
from datetime import timedelta

# Prometheus' own default between two scrapes: a younger value may be the same sample again.
SCRAPED = timedelta(minutes=1)

_TEXT = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)"""
_NAME = r"(?!(?i:inf|nan)\b)[a-zA-Z_:][a-zA-Z0-9_:]*"
_MATCHERS = rf"""\{{(?:[^{{}}"'`]|{_TEXT})*\}}"""
_SERIES = re.compile(rf"\s*(?:{_NAME}\s*(?:{_MATCHERS})?|{_MATCHERS})\s*")
_STRING = re.compile(_TEXT)
_RANGE = re.compile(r"\[([^\]:]*)(:?)[^\]]*\]")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y|$)")
_SECONDS = {
    "ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000,
}  # fmt: skip


def window(query: str) -> timedelta:
    """Return the longest range of a query, at least SCRAPED; 0 for a plain series.

    The ranges within a subquery add up.
    """
    if _SERIES.fullmatch(query):
        return timedelta(0)
    found = [(_seconds(one[1]), one[2]) for one in _RANGE.finditer(_STRING.sub('""', query))]
    lengths = [length for length, _ in found] or [0.0]
    whole = sum(lengths) if any(nested for _, nested in found) else max(lengths)
    return max(timedelta(seconds=whole), SCRAPED)


def _seconds(duration: str) -> float:
    return sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(duration.strip()))
