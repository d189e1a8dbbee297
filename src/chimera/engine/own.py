"""Asking for the operator's own metrics beside each reading; what cannot be known says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from chimera.core.errors import ProviderRefused, ProviderUnavailable, UnknownAdapter
from chimera.core.model import OwnReading, Reading, Sample
from chimera.core.plan import OwnKind, OwnMetric, Rollout
from chimera.ports.queries import Answered, QueryProvider

PLACE, SERVICE = "{{revision}}", "{{service}}"
PATIENCE_S = 3.0


class Providers(Protocol):
    """Finds a metric provider by name; UnknownAdapter says which exist."""

    def __call__(self, name: str) -> QueryProvider:
        """Return the provider of that name."""


async def with_own(providers: Providers, rollout: Rollout, reading: Reading) -> Reading:
    """Return a reading with the operator's own metrics; a failed query is unknown, not an error."""
    asked = rollout.plan.analysis.own
    if not asked:
        return reading
    found = await asyncio.gather(*(_measure(providers, rollout, metric) for metric in asked))
    return replace(reading, own=tuple(found))


async def _measure(providers: Providers, rollout: Rollout, metric: OwnMetric) -> OwnReading:
    try:
        async with asyncio.timeout(PATIENCE_S):
            provider = providers(metric.provider)
            canary = await _arm(provider, rollout, metric, rollout.canary.name)
            stable: tuple[Sample, ...] | float | None = None
            if PLACE in metric.query:
                stable = await _arm(provider, rollout, metric, rollout.stable.name)
    except (ProviderRefused, ProviderUnavailable, UnknownAdapter) as error:
        return OwnReading(metric.name, why=f"{error}")
    except TimeoutError:
        return OwnReading(metric.name, why=f"{metric.provider} does not answer in time")
    except ValueError as error:
        return OwnReading(metric.name, why=str(error))
    if metric.kind is OwnKind.RATE:
        counted = [arm if isinstance(arm, tuple) else () for arm in (canary, stable)]
        why = "" if counted[0] else "the query finds nothing of the canary"
        return OwnReading(metric.name, counted[0], counted[1], why=why)
    values = [arm if isinstance(arm, float) else None for arm in (canary, stable)]
    why = "the query finds nothing of the canary" if values[0] is None else ""
    return OwnReading(metric.name, value=values[0], stable_value=values[1], why=why)


async def _arm(
    provider: QueryProvider, rollout: Rollout, metric: OwnMetric, revision: str
) -> tuple[Sample, ...] | float | None:
    def filled(query: str) -> str:
        named = query.replace(SERVICE, provider.quote(rollout.service.name))
        return named.replace(PLACE, provider.quote(revision))

    found = await provider.ask(filled(metric.query))
    if metric.kind is OwnKind.RATE:
        return _samples(found, await provider.ask(filled(metric.total)))
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
