"""The words of a rollout as values. An invalid form cannot be built: constructors raise ValueError.

All are frozen dataclasses of plain data: pydantic's `TypeAdapter` turns each into JSON and back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

_SERVICE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,254}")


def check_weight(weight: int) -> int:
    """Return `weight` if it is a whole percentage from 0 to 100; ValueError otherwise."""
    if type(weight) is not int or not 0 <= weight <= 100:
        raise ValueError(f"a weight is a whole number from 0 to 100, not {weight!r}")
    return weight


def check_time(at: datetime) -> datetime:
    """Return `at` if it knows its time zone; ValueError otherwise."""
    if at.tzinfo is None:
        raise ValueError(f"a time needs its time zone: {at.isoformat()}")
    return at


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a service: its name, its image where it has one, the platform's settings."""

    name: str
    image: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _REVISION.fullmatch(self.name):
            raise ValueError(
                f"'{self.name}' cannot name a revision: use letters, digits and . _ : / @ + -"
            )


@dataclass(frozen=True, slots=True)
class Traffic:
    """How requests choose a version beyond the weights.

    sticky: a user who met the canary stays on it (cookie). override: `x-chimera: canary` pins a
    request.
    """

    sticky: bool = False
    override: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """What is deployed: its name, the platform it runs on, the platform's own settings."""

    name: str
    platform: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)

    def __post_init__(self) -> None:
        if not _SERVICE.fullmatch(self.name):
            raise ValueError(
                f"'{self.name}' cannot name a service: use 1 to 63 lower-case letters, digits and -"
            )


@dataclass(frozen=True, slots=True)
class Split:
    """Who gets the traffic: `weight` percent to `canary`, the rest to `stable`, summing to 100."""

    stable: str
    canary: str = ""
    weight: int = 0

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if not self.stable:
            raise ValueError("a split needs a stable revision")
        if self.weight and not self.canary:
            raise ValueError("a split without a canary has weight 0")
        if self.canary == self.stable:
            raise ValueError("the canary of a split is another revision than its stable one")

    def __str__(self) -> str:
        if not self.weight:
            return f"100 % on {self.stable}"
        return f"{100 - self.weight} % on {self.stable} and {self.weight} % on {self.canary}"


@dataclass(frozen=True, slots=True)
class Fence:
    """Orders the writes of one rollout: one with a lower generation than one seen is refused."""

    rollout: str
    generation: int


@dataclass(frozen=True, slots=True)
class Resource:
    """A piece of infrastructure that Chimera made or adopted.

    rollout: the rollout that made it, which is its tag `chimera:rollout`.
    """

    kind: str
    id: str
    service: str
    revision: str = ""
    rollout: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Change:
    """One write that a plan foresees. action: '+' create, '~' change, '-' delete."""

    action: str
    resource: str
    why: str
    permission: str = ""
    cost: str = ""

    def __post_init__(self) -> None:
        if self.action not in {"+", "~", "-"}:
            raise ValueError(f"a change is one of + ~ -, not {self.action!r}")


@dataclass(frozen=True, slots=True)
class Readiness:
    """How many replicas of a revision answer their health check, and what the others say."""

    ready: int
    wanted: int
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether all wanted replicas answer."""
        return self.wanted > 0 and self.ready >= self.wanted


@dataclass(frozen=True, slots=True)
class Sample:
    """What one instance has counted for one revision since the instance started; never resets.

    source: the instance's identity. requests: all completed. errors: answers 5xx and requests with
    no answer, retried ones included. bounds_ms: upper bounds of the latency buckets, ascending;
    counts: cumulative, one per bound; timed: how many requests have a latency (the +Inf bucket).
    """

    source: str
    requests: int
    errors: int
    bounds_ms: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    timed: int = 0

    def __post_init__(self) -> None:
        if len(self.bounds_ms) != len(self.counts):
            raise ValueError("a sample has one cumulative count per latency bound")
        if min(self.requests, self.errors, self.timed, *self.counts) < 0:
            raise ValueError("a sample's counts are not negative")


@dataclass(frozen=True, slots=True)
class OwnReading:
    """What a query of the operator's said: counters of both arms, or their values at a moment.

    value_at, stable_value_at: when the values were measured, None if that is not known. why: why it
    said nothing, or "".
    """

    name: str
    canary: tuple[Sample, ...] = ()
    stable: tuple[Sample, ...] = ()
    value: float | None = None
    stable_value: float | None = None
    why: str = ""
    value_at: datetime | None = None
    stable_value_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One scrape of both arms at the same moment. An empty arm means: not seen, which is unknown.

    query: where the numbers came from, for the ledger. skew_s: how far the arms' numbers may lie
    apart in time; 0 where both are read in one scrape. own: the operator's own metrics.
    """

    at: datetime
    canary: tuple[Sample, ...]
    stable: tuple[Sample, ...]
    query: str = ""
    skew_s: float = 0.0
    own: tuple[OwnReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened in one arm between two readings.

    cells: requests per latency bucket, not cumulative, len(bounds_ms) + 1, the last beyond all.
    """

    requests: int = 0
    errors: int = 0
    bounds_ms: tuple[float, ...] = ()
    cells: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnLook:
    """An operator's own metric over one interval: events, or values that are new.

    why: why unknown, or "".
    """

    name: str
    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)
    value: float | None = None
    stable_value: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Met:
    """How many requests users sent to the canary, and how many of them failed."""

    requests: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """Both arms over one interval, at one configured canary weight. gap: why unusable, or "".

    notes: what was set right before the judge saw it, a sentence each. own: the operator's metrics.
    met: what all looks of the rollout up to this one have seen; None in one of an older Chimera.
    """

    at: datetime
    span: timedelta
    weight: int
    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)
    gap: str = ""
    notes: tuple[str, ...] = ()
    own: tuple[OwnLook, ...] = ()
    met: Met | None = None


class Verdict(StrEnum):
    """healthy: evidence suffices to advance. unhealthy: to roll back. inconclusive: neither yet."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. Values are in the check's unit: "ratio" (0 to 1), "ms", or "number".

    canary, stable: None is unknown. n: canary requests in the window. limit: the value not to
    exceed. test: the rule that was applied; evidence: its number in words.
    """

    metric: str
    verdict: Verdict
    canary: float | None
    stable: float | None
    limit: float | None
    n: int
    stable_n: int
    test: str
    evidence: str
    window: timedelta
    sentence: str
    unit: str = "ratio"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judge's word after a look: its worst finding decides. needs: what is missing yet."""

    at: datetime
    verdict: Verdict
    sentence: str
    findings: tuple[Finding, ...] = ()
    needs: str = ""
