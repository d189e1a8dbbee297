"""What a plan can see at the traffic that its service meets now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, runtime_checkable

from chimera.app.past import Traffic
from chimera.app.reports import PlanReport
from chimera.core.analysis import looks, outlook
from chimera.core.analysis.outlook import Basis, Outlook
from chimera.core.errors import ChimeraError, SpecError
from chimera.core.model import Reading, Revision, Service, Tally
from chimera.core.plan import Rollout
from chimera.ports.platform import Platform

WATCHED_S = 1.0
PATIENCE_S = 5.0
LONGEST_INTERVAL_S = 2.0


async def foresee(
    platform: Platform, report: PlanReport, rate: float | None, recorded: Traffic | None = None
) -> PlanReport:
    """Return the report with its outlook; as it is if there is nothing to compare.

    rate: requests/s, None to watch stable. recorded: what is believed where stable cannot be
    watched. SpecError if the rate is not a positive number.
    """
    if rate is not None and not 0 < rate < 1e9:
        raise SpecError(
            f"a rate of {rate:g} requests/s makes no sense", hint="give a number above 0"
        )
    if report.first or report.unchanged:
        return report
    plan = report.rollout.plan
    found = await _measure(platform, report.rollout) if rate is None else outlook.given(plan, rate)
    if found.basis is Basis.ASSUMED and recorded is not None:
        found = outlook.recorded(plan, recorded.both, recorded.span_s, found.why)
    return replace(report, outlook=found)


def at_recorded(report: PlanReport, recorded: Traffic) -> PlanReport:
    """Return the report with its outlook at the traffic of the service's last rollout."""
    found = outlook.recorded(report.rollout.plan, recorded.both, recorded.span_s, "")
    return replace(report, outlook=found)


class _Recent(Protocol):
    """What a version met lately, and in how much time."""

    @property
    def tally(self) -> Tally: ...
    @property
    def span(self) -> timedelta: ...


@runtime_checkable
class _Remembers(Protocol):
    """Metrics that are kept somewhere, so that nobody has to watch to know."""

    async def recent(self, service: Service, revision: Revision) -> _Recent | None:
        """Return what a revision met lately; None if there is no number of it."""


async def _remembered(metrics: _Remembers, rollout: Rollout) -> Outlook:
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await metrics.recent(rollout.service, rollout.stable)
    except ChimeraError as error:
        return outlook.assumed(rollout.plan, str(error))
    except TimeoutError:
        return outlook.assumed(rollout.plan, "the metrics do not answer")
    if found is None:
        return outlook.assumed(rollout.plan, "the metrics hold none of stable")
    return outlook.measured(rollout.plan, found.tally, found.span.total_seconds())


async def _measure(platform: Platform, rollout: Rollout) -> Outlook:
    if isinstance(platform.metrics, _Remembers):
        return await _remembered(platform.metrics, rollout)
    interval_s = platform.metrics.min_interval_s
    if interval_s > LONGEST_INTERVAL_S:
        why = f"the metrics have one point in {interval_s:g} s"
        return outlook.assumed(rollout.plan, why)
    try:
        before = await _read(platform, rollout)
        await asyncio.sleep(max(WATCHED_S, interval_s))
        look = looks.compare(before, await _read(platform, rollout), 0)
    except ChimeraError as error:
        return outlook.assumed(rollout.plan, str(error))
    except TimeoutError:
        return outlook.assumed(rollout.plan, "the metrics do not answer")
    if look.gap or not before.stable:
        return outlook.assumed(rollout.plan, look.gap or "the metrics hold none of stable")
    return outlook.measured(rollout.plan, look.stable, look.span.total_seconds())


async def _read(platform: Platform, rollout: Rollout) -> Reading:
    call = platform.metrics.read(rollout.service, rollout.stable, rollout.canary)
    async with asyncio.timeout(PATIENCE_S):
        return await call
