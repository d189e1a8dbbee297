"""The checks of a spec: which metrics, which limits, and what missing evidence means."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    field_serializer,
    field_validator,
)

from chimera.core.plan import OnNoData
from chimera.core.spec.parts import FilledPart
from chimera.core.spec.values import (
    DURATION_SCHEMA,
    PERCENT_SCHEMA,
    Duration,
    Percent,
    check_duration,
    check_share,
    format_duration,
    format_percent,
    lasting,
    mistake,
    mistakes,
    read_duration,
    read_percent,
    share,
    show,
)

MIN_ERROR_RATE, MAX_ERROR_RATE = 0.00001, 0.99
MIN_LATENCY, MAX_LATENCY = "1ms", "1h"
ErrorRate = Annotated[Percent, share(MIN_ERROR_RATE, MAX_ERROR_RATE)]
Latency = Annotated[Duration, lasting(MIN_LATENCY, MAX_LATENCY)]


BUILT_IN = ("errorRate", "latencyP50", "latencyP75", "latencyP90", "latencyP95", "latencyP99")
_OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _.-]{0,59}")
_NUMBER_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "number"}, *PERCENT_SCHEMA["anyOf"]]}


class Metric(FilledPart):
    """One check: a metric of the canary, and the limits that it may not exceed.

    A metric of your own has a provider and a query. What can be proven depends on what is known of
    it: with `total` it is a rate and takes the sequential test of errors; with `range` it is the
    mean of a bounded value and takes a betting test; any other value has a plain limit, broken when
    three values in a row exceed it, and the judgement says so.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_alias=True,
        json_schema_extra={
            "anyOf": [
                {"type": "object", "properties": {"name": {"enum": list(BUILT_IN)}}},
                {"type": "object", "required": ["provider", "query"]},
            ]
        },
    )

    name: Annotated[str, Field(min_length=1, max_length=60)] = Field(
        description="errorRate (5xx and no answer), a latency quantile like latencyP95, or a name "
        "of your own for a query."
    )
    provider: Literal["prometheus"] | None = Field(
        default=None, description="Who answers the query: prometheus."
    )
    query: Annotated[str, Field(min_length=1, max_length=4000)] | None = Field(
        default=None,
        description="What to ask about one version: `{{revision}}` stands for its name, "
        "`{{service}}` for the service's. One number, or, with `total`, a counter of bad events "
        "per instance (no rate()).",
    )
    total: Annotated[str, Field(min_length=1, max_length=4000)] | None = Field(
        default=None, description="A second query: the counter of all events, per instance."
    )
    range: tuple[StrictFloat | StrictInt, StrictFloat | StrictInt] | None = Field(
        default=None,
        description="The least and the greatest value that the query can give, like [0, 1].",
    )
    every: Annotated[Duration, lasting("1s", "24h")] | None = Field(
        default=None,
        description="How often the query has a new value, which then counts once. Default: a plain "
        "series tells when it was measured; anything else has one value per longest range in the "
        "query, at least 1m; without `range`, one per look.",
    )
    max: float | timedelta | None = Field(
        default=None,
        description="The limit: a share for errorRate (1%), a duration for a latency (300ms), a "
        "number or a share for a query.",
        json_schema_extra={"anyOf": [*_NUMBER_SCHEMA["anyOf"], DURATION_SCHEMA]},
    )
    min: float | None = Field(
        default=None,
        description="The least that a query's value or rate may be.",
        json_schema_extra=_NUMBER_SCHEMA,
    )
    max_increase_over_stable: Annotated[Percent, share(0.01, 100)] | None = Field(
        default=None,
        alias="maxIncreaseOverStable",
        description="How much worse than the running stable version it may be (50% = half again).",
    )
    min_requests: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        alias="minRequests",
        description="Canary requests needed before this check can pass; a fault may show sooner. "
        "For a query: events of its `total`, or values (5).",
    )
    on_no_data: OnNoData | None = Field(
        default=None,
        alias="onNoData",
        description="As analysis.onNoData; if any metric says rollback, the rollout rolls back.",
    )

    @field_validator("max", mode="plain")
    @classmethod
    def _max(cls, value: Any, info: ValidationInfo) -> float | timedelta | None:
        name = info.data.get("name")
        if name is None:
            return None
        if info.data.get("query") is not None:
            return _number(value)
        if name not in BUILT_IN:
            return None  # which is said of the name
        if name == "errorRate":
            return check_share(read_percent(value), MIN_ERROR_RATE, MAX_ERROR_RATE)
        return check_duration(read_duration(value), MIN_LATENCY, MAX_LATENCY)

    @field_validator("min", mode="plain")
    @classmethod
    def _min(cls, value: Any) -> float:
        return _number(value)

    @field_serializer("max", return_type=Any)
    def _write(self, value: float | timedelta | None) -> Any:
        if isinstance(value, timedelta):
            return format_duration(value)
        return value if value is None or self.query else format_percent(value)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield what does not fit together: the key, and what is wrong."""
        if self.query is None:
            if self.name not in BUILT_IN:
                yield "name", f"one of {', '.join(BUILT_IN)}, or give it a provider and a query"
            for key in ("provider", "total", "range", "every", "min"):
                if getattr(self, key) is not None:
                    yield key, "only for a metric of your own, with a query"
        else:
            yield from self._own_mistakes()
        if self.max is None and self.min is None and self.max_increase_over_stable is None:
            yield "", "a metric needs a limit: max or maxIncreaseOverStable"

    def _own_mistakes(self) -> Iterator[tuple[str, str]]:
        compared = self.max_increase_over_stable is not None
        if self.provider is None:
            yield "provider", "missing; say who answers the query: prometheus"
        if self.name in BUILT_IN or not _OWN_NAME.fullmatch(self.name):
            yield "name", "a query needs a name of its own: letters, digits, spaces and . _ -"
        if self.total is not None and self.range is not None:
            yield "range", "a rate lies between 0 and 1 anyway; give total or range, not both"
        if self.total is not None and self.every is not None:
            yield "every", "only for values; what is counted never counts twice"
        if compared and "{{revision}}" not in (self.query or ""):
            yield "query", "to compare with stable it has to name {{revision}}"
        low, high = self.range or ((0, 1) if self.total else (-math.inf, math.inf))
        if not low < high:
            yield "range", f"the first is to be less than the second, not [{low:g}, {high:g}]"
        if compared and self.range is not None and low != 0:
            yield "range", "to compare with stable it has to begin at 0"
        for key, limit in (("max", self.max), ("min", self.min)):
            if isinstance(limit, float) and not low < limit < high:
                yield key, f"between {low:g} and {high:g}, not {limit:g}"


def _number(value: Any) -> float:
    if isinstance(value, str):
        return read_percent(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise mistake(f"a number or a share, not {show(value)}")
    return float(value)


class Analysis(FilledPart):
    """How the canary is judged."""

    interval: Annotated[Duration, lasting("500ms", "5m")] | None = Field(
        default=None, description="Time between two looks at the metrics."
    )
    metrics: tuple[Metric, ...] = Field(
        default=(),
        description="Checks in full; each replaces the default of its kind (errors, latency).",
    )
    false_alarms: Annotated[Percent, share(0.0001, 0.2)] | None = Field(
        default=None,
        alias="falseAlarms",
        description="The chance of rolling back a version that is as healthy as stable, over the "
        "whole rollout and however often one looks.",
    )
    harm_budget: Annotated[Percent, share(0.0001, 0.5)] | None = Field(
        default=None,
        alias="harmBudget",
        description="Before each advance, errors are ruled out that would spoil more than this "
        "share of all responses at the next weight; less needs more requests.",
    )
    error_tolerance: Annotated[Percent, share(0.01, 10)] | None = Field(
        default=None,
        alias="errorTolerance",
        description="How many more errors than stable's are still healthy (25% = a quarter more).",
    )
    latency_tolerance: Annotated[Percent, share(0.01, 10)] | None = Field(
        default=None,
        alias="latencyTolerance",
        description="How many more slow requests than stable's are still healthy, whatever time "
        "counts as slow (25% = a quarter more).",
    )
    skew: Annotated[Duration, lasting("0s", "10m")] | None = Field(
        default=None,
        description="How far the two versions' numbers may lie apart in time. A look then waits so "
        "long, and counts only if stable was well all the while, so that an outage of something "
        "shared is not blamed on the canary; faults are found up to twice as much later.",
    )
    warm_up: Annotated[Duration, lasting("0s", "1h")] | None = Field(
        default=None,
        alias="warmUp",
        description="How long the latency of a new canary is not judged. Default: half of the "
        "first step's bake, at most 30 s; and until 30 s not while it is slower than stable, "
        "which may be a cold start and holds the step.",
    )
    no_data_deadline: Annotated[Duration, lasting("0s", "24h")] | None = Field(
        default=None,
        alias="noDataDeadline",
        description="How long past its bake a step is held for lack of evidence, before onNoData.",
    )
    on_no_data: OnNoData = Field(
        default=OnNoData.PAUSE,
        alias="onNoData",
        description="What follows when evidence is still missing then: pause or rollback.",
    )

    @field_validator("metrics")
    @classmethod
    def _metrics(cls, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
        found: list[tuple[tuple[str | int, ...], str]] = []
        seen: set[str] = set()
        for index, metric in enumerate(metrics):
            if metric.name in seen:
                found.append(((index, "name"), f"'{metric.name}' is checked twice; keep one"))
            found += [((index, key) if key else (index,), why) for key, why in metric.mistakes()]
            seen.add(metric.name)
        if found:
            raise mistakes(found)
        return metrics
