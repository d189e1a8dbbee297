"""Which of CloudWatch's sums count a version's requests, and up to when they tell all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chimera.platforms.aws.batch import Stream

# So many periods after its end a request without an answer has none.
SETTLES = 1
Points = Mapping[Stream, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class ArmStreams:
    """What is read of one version.

    requests: their sum is the number of requests; a period in which none of them has a point is
    unknown. errors: their sum is the number of answers that are failures; where only these lack a
    point, nothing failed. answered: their sum is the number of good answers; where there are such
    streams, a request with neither has failed, too. buckets: (upper bound in ms, requests up to
    it), bounds ascending. timed: all requests that have a latency; None if there is none.
    """

    requests: tuple[Stream, ...]
    errors: tuple[Stream, ...]
    answered: tuple[Stream, ...] = ()
    buckets: tuple[tuple[float, Stream], ...] = ()
    timed: Stream | None = None

    @property
    def all(self) -> tuple[Stream, ...]:
        """Every stream, each once."""
        timed = (self.timed,) if self.timed else ()
        counted = (*self.requests, *self.errors, *self.answered)
        return tuple(dict.fromkeys((*counted, *(stream for _, stream in self.buckets), *timed)))

    @property
    def settles(self) -> int:
        """How many periods later than another arm this one may be."""
        return SETTLES if self.answered else 0


def total(points: Points, streams: tuple[Stream, ...], begin: int, end: int) -> int:
    """Return the sum of some streams over the periods that start in [begin, end)."""
    return round(sum(v for s in streams for t, v in points[s].items() if begin <= t < end))


def failed(arm: ArmStreams, points: Points, begin: int, end: int) -> int:
    """Return how many requests failed in the periods that start in [begin, end).

    An answer that is published in a later period than its request makes up for it there.
    """
    bad = total(points, arm.errors, begin, end)
    if not arm.answered:
        return bad
    known = {t for s in arm.requests for t in points[s]}
    good = {s: {t: v for t, v in points[s].items() if t in known} for s in arm.answered}
    return max(bad, total(points, arm.requests, begin, end) - total(good, arm.answered, begin, end))


def end_of(arm: ArmStreams, points: Points, begin: int, period_s: int, now: float) -> int:
    """Return when the newest period ends up to which all is known, 0 if there is none.

    Requests and answers are published apart: a period with fewer answers than requests counts once
    it has settled, and the requests of a later one are there.
    """
    over = {t for s in arm.requests for t in points[s] if t >= begin and t + period_s <= now}
    newest, end = max(over, default=0), 0
    for t in sorted(over):
        settled = t < newest and t + (1 + SETTLES) * period_s <= now
        if not settled and not _accounted(arm, points, t):
            break
        end = t + period_s
    return end


def _accounted(arm: ArmStreams, points: Points, at: int) -> bool:
    told = total(points, (*arm.answered, *arm.errors), at, at + 1)
    return not arm.answered or told >= total(points, arm.requests, at, at + 1)
