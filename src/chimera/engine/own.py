"""Asking for the operator's own metrics beside each reading; what cannot be known says why.

Both arms are asked for one moment, that of the reading, so that nothing lies between them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from chimera.core.errors import ProviderRefused, ProviderUnavailable, UnknownAdapter
from chimera.core.model import OwnReading, Reading, Sample
from chimera.core.plan import OwnKind, OwnMetric, Rollout
from chimera.ports.queries import Answered, QueryProvider

PLACE, SERVICE = "{{revision}}", "{{service}}"
NOTHING = "the query finds nothing of the canary"
PATIENCE_S = 3.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Providers(Protocol):
    """Finds a metric provider by name; UnknownAdapter says which exist."""

    def __call__(self, name: str) -> QueryProvider:
        """Return the provider of that name."""


async def with_own(providers: Providers, rollout: Rollout, reading: Reading) -> Reading:
    """Return a reading with the operator's own metrics; a failed query is unknown, not an error."""
    asked = rollout.plan.analysis.own
    if not asked:
        return reading
    found = await asyncio.gather(
        *(_measure(providers, rollout, metric, reading.at) for metric in asked)
    )
    return replace(reading, own=tuple(found))


async def _measure(
    providers: Providers, rollout: Rollout, metric: OwnMetric, at: datetime
) -> OwnReading:
    try:
        async with asyncio.timeout(PATIENCE_S):
            provider = providers(metric.provider)
            names = [rollout.canary.name]
            if PLACE in metric.query:
                names.append(rollout.stable.name)
            arms = [_Arm(provider, metric, rollout.service.name, name, at) for name in names]
            if metric.kind is OwnKind.RATE:
                return _counted(metric, await asyncio.gather(*(arm.counters() for arm in arms)))
            return _valued(metric, await asyncio.gather(*(arm.value() for arm in arms)))
    except (ProviderRefused, ProviderUnavailable, UnknownAdapter) as error:
        return OwnReading(metric.name, why=f"{error}")
    except TimeoutError:
        return OwnReading(metric.name, why=f"{metric.provider} does not answer in time")
    except ValueError as error:
        return OwnReading(metric.name, why=str(error))


def _counted(metric: OwnMetric, arms: Sequence[tuple[Sample, ...]]) -> OwnReading:
    canary, stable = (*arms, ())[:2]
    return OwnReading(metric.name, canary, stable, why="" if canary else NOTHING)


def _valued(metric: OwnMetric, arms: Sequence[tuple[float | None, datetime | None]]) -> OwnReading:
    (value, value_at), (stable, stable_at) = (*arms, (None, None))[:2]
    return OwnReading(
        metric.name,
        value=value,
        stable_value=stable,
        why=NOTHING if value is None else "",
        value_at=value_at,
        stable_value_at=stable_at,
    )


@dataclass(frozen=True, slots=True)
class _Arm:
    """One version, to be asked about at a moment."""

    provider: QueryProvider
    metric: OwnMetric
    service: str
    revision: str
    at: datetime

    def filled(self, query: str) -> str:
        named = query.replace(SERVICE, self.provider.quote(self.service))
        return named.replace(PLACE, self.provider.quote(self.revision))

    async def counters(self) -> tuple[Sample, ...]:
        both = (self.metric.query, self.metric.total)
        return _samples(
            *await asyncio.gather(
                *(self.provider.ask(self.filled(query), self.at) for query in both)
            )
        )

    async def value(self) -> tuple[float | None, datetime | None]:
        """Return the value, and when it was measured if that is known.

        Of a mean no moment may be bet on twice: where values do not say when they were measured,
        there is one per window.
        """
        query = self.filled(self.metric.query)
        window = self.metric.every or self.provider.window(query)
        if not window:
            found, measured = await asyncio.gather(
                self.provider.ask(query, self.at), self.provider.measured(query, self.at)
            )
            return _single(found), measured
        if self.metric.kind is OwnKind.VALUE and not self.metric.every:
            return _single(await self.provider.ask(query, self.at)), None
        at = self.at - (self.at - _EPOCH) % window
        return _single(await self.provider.ask(query, at)), at


def _single(found: Sequence[Answered]) -> float | None:
    if len(found) > 1:
        raise ValueError(f"the query gives {len(found)} series, not one; sum or average them")
    return found[0].value if found else None


def _samples(bad: Sequence[Answered], total: Sequence[Answered]) -> tuple[Sample, ...]:
    """Pair the counters of each instance. ValueError if they do not belong together."""
    failed = {_source(one.labels): one.value for one in bad}
    every = {_source(one.labels): one.value for one in total}
    if failed.keys() - every.keys():
        raise ValueError("query and total give different labels; write both as sum by (instance)")
    if any(value < 0 for value in (*failed.values(), *every.values())):
        raise ValueError("query and total are to be counters, which are never negative")
    return tuple(
        Sample(source, round(value), min(round(failed.get(source, 0.0)), round(value)))
        for source, value in sorted(every.items())
    )


def _source(labels: Mapping[str, str]) -> str:
    named = {name: value for name, value in labels.items() if name != "__name__"}
    return json.dumps(named, sort_keys=True, ensure_ascii=False)
