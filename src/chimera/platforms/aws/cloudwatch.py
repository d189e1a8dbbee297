"""What requests met, from CloudWatch: sums per period, added up to counters that never fall."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from chimera.core.errors import ProviderUnavailable
from chimera.core.model import Reading, Resource, Revision, Sample, Service, Tally
from chimera.platforms.aws import services
from chimera.platforms.aws.arms import arm_behind
from chimera.platforms.aws.batch import Batches
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import ECS_SERVICE, Estate, Site, Version, version_in
from chimera.platforms.aws.found import Traffic
from chimera.platforms.aws.front import Front
from chimera.platforms.aws.sites import Sites
from chimera.platforms.aws.streams import ArmStreams, Points, end_of, failed, total
from chimera.platforms.aws.widget import widget

# An arm that falls this many periods behind the other one is not seen any more.
_STALE = 3
# So many periods are the recent past: one that no request came in has no number.
_RECENT = 15
_WITHOUT_CANARY = timedelta(hours=3)
_ARMS_LAST_S = 60.0


class MetricMap(Protocol):
    """Which metrics count the requests of a version: Envoy's, or a load balancer's."""

    def period_s(self, site: Site) -> int:
        """Return the period of these metrics, seconds."""

    async def streams(self, site: Site, version: Version) -> ArmStreams:
        """Return what to read of a version."""

    async def uncounted(self, site: Site, version: Version) -> str:
        """Say why some failures of a version's requests are not counted, "" if all are."""


@dataclass(frozen=True, slots=True)
class _Known:
    version: Version
    created_at: datetime
    until: float


class CloudWatchMetrics:
    """The MetricSource of CloudWatch.

    A counter is the sum of all periods since the canary's ECS service was created, so that every
    process reads the same one. Both arms end with the same period, and that is the reading's time:
    without new points it stands still, and so a look finds nothing new. min_interval_s: the
    shortest period among the services that were read so far.
    """

    def __init__(self, estate: Estate, sites: Sites, front: Front, metrics: MetricMap) -> None:
        self._estate = estate
        self._sites = sites
        self._front = front
        self._map = metrics
        self._batches = Batches()
        self._known: dict[tuple[str, str, str], _Known] = {}
        # (service, source) -> since when it is counted, and what was counted last
        self._counted: dict[tuple[str, str], tuple[int, Sample]] = {}
        self.min_interval_s = 60.0
        self._shortest_s = math.inf

    def expect(self, site: Site) -> None:
        """Take note of a service's period."""
        self._shortest_s = min(self._shortest_s, self._map.period_s(site))
        self.min_interval_s = float(self._shortest_s)

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        """Return both arms' counters at the end of the newest period that both of them have."""
        site = await self._sites.of(service)
        self.expect(site)
        period_s = self._map.period_s(site)
        known = {one.name: await self._find(site, one) for one in (stable, canary)}
        since = self._since(known[canary.name], period_s)
        streams = {
            name: await self._map.streams(site, one.version) for name, one in known.items() if one
        }
        wanted = [stream for arm in streams.values() for stream in arm.all]
        if not wanted:
            reason = f"no version of '{service.name}' runs yet"
            raise ProviderUnavailable(PROVIDER, "read the metrics", reason)
        points = await self._batches.of(site.account, period_s).read(wanted, since)
        begin = int(since.timestamp()) // period_s * period_s
        now = datetime.now(UTC).timestamp()
        ends = {n: end_of(arm, points, begin, period_s, now) for n, arm in streams.items()}
        behind = (_STALE + max(arm.settles for arm in streams.values())) * period_s
        newest = max(ends.values())
        fresh = {n: end for n, end in ends.items() if end > max(0, newest - behind)}
        at = min(fresh.values()) if fresh else begin

        def arm(name: str) -> tuple[Sample, ...]:
            if name not in fresh:
                return ()
            return (self._sample(service.name, streams[name], points, begin, at),)

        query = f"cloudwatch Sum/{period_s}s: {'; '.join(map(str, wanted))}"
        moment = datetime.fromtimestamp(at, UTC)
        return Reading(moment, arm(canary.name), arm(stable.name), query)

    def period_s(self, site: Site) -> int:
        """Return the period of a service's metrics, seconds."""
        return self._map.period_s(site)

    async def uncounted(self, service: Service, revision: Revision) -> str:
        """Say why some failures of a service's requests are not counted, "" if all are."""
        site = await self._sites.of(service)
        known = await self._find(site, revision)
        return await self._map.uncounted(site, known.version) if known else ""

    async def recent(self, service: Service, revision: Revision) -> Traffic | None:
        """Return what a revision met in the last periods; None if they hold no number of it."""
        site = await self._sites.of(service)
        period_s = self._map.period_s(site)
        known = await self._find(site, revision)
        if known is None:
            return None
        arm = await self._map.streams(site, known.version)
        now = datetime.now(UTC).timestamp()
        begin = int(now // period_s - _RECENT) * period_s
        since = datetime.fromtimestamp(begin, UTC)
        points = await self._batches.of(site.account, period_s).read(arm.all, since)
        end = end_of(arm, points, begin, period_s, now)
        first = min((t for s in arm.requests for t in points[s] if t >= begin), default=0)
        if not end:
            return None
        sample = self._sample(service.name, arm, points, first, end, rising=False)
        span = timedelta(seconds=end - first)
        return Traffic(
            Tally(sample.requests, sample.errors), span, datetime.fromtimestamp(end, UTC)
        )

    async def graph(
        self,
        service: Service,
        stable: Revision,
        canary: Revision,
        *,
        removed: Sequence[Resource] = (),
        window: tuple[datetime, datetime],
    ) -> bytes:
        """Return a picture of both arms' requests and errors, PNG.

        removed: what is gone by now, by which a version that was removed is known.
        """
        site = await self._sites.of(service)
        gone = {one.revision: version_in(one) for one in removed if one.kind == ECS_SERVICE}
        arms = []
        for revision, words in ((stable, "stable"), (canary, "canary")):
            version = gone.get(revision.name)
            if version is None:
                known = await self._find(site, revision)
                version = known.version if known else None
            if version is not None:
                arms.append((f"{words} {revision.name}", await self._map.streams(site, version)))
        if not arms:
            reason = f"no version of '{service.name}' is known"
            raise ProviderUnavailable(PROVIDER, "draw the metrics", reason)
        region, period_s = site.account.region, self._map.period_s(site)
        told = widget(service.name, arms, region=region, period_s=period_s, window=window)
        answer = await site.account.call(
            site.account.cloudwatch.get_metric_widget_image, MetricWidget=json.dumps(told)
        )
        return bytes(answer["MetricWidgetImage"])

    def _since(self, canary: _Known | None, period_s: int) -> datetime:
        if canary is not None:
            return canary.created_at - timedelta(seconds=period_s)
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        return hour - _WITHOUT_CANARY

    async def _find(self, site: Site, revision: Revision) -> _Known | None:
        """Return where a revision runs and since when; what was found is believed for a while."""
        version = await self._estate.version(site.service, revision.name)
        # A version that is deployed again under its name runs under another one.
        key = (site.service.name, revision.name, version.name if version else "")
        known, now = self._known.get(key), time.monotonic()
        if known and now < known.until:
            return known
        if version is None:
            arm = await arm_behind(site, await self._front.serving(site))
            if arm.revision.name != revision.name or arm.idle:
                return None
            version = arm.version
        found = await services.describe(site, version.name)
        if found is None:
            return known
        known = _Known(version, found["createdAt"], now + _ARMS_LAST_S)
        self._known[key] = known
        return known

    def _sample(
        self,
        service: str,
        arm: ArmStreams,
        points: Points,
        begin: int,
        at: int,
        *,
        rising: bool = True,
    ) -> Sample:
        requests = total(points, arm.requests, begin, at)
        counts: list[int] = []
        for _, stream in arm.buckets:
            counts.append(max(total(points, (stream,), begin, at), counts[-1] if counts else 0))
        timed = total(points, (arm.timed,), begin, at) if arm.timed else 0
        sample = Sample(
            source=str(arm.requests[0]),
            requests=requests,
            errors=min(failed(arm, points, begin, at), requests),
            bounds_ms=tuple(bound for bound, _ in arm.buckets),
            counts=tuple(counts),
            timed=max(timed, counts[-1] if counts else 0),
        )
        return self._rising(service, sample, begin) if rising else sample

    def _rising(self, service: str, sample: Sample, begin: int) -> Sample:
        """Keep a counter from falling when a point is corrected downwards: it would count anew.

        With the next canary all counting begins anew.
        """
        key = (service, sample.source)
        since, before = self._counted.get(key, (begin, None))
        if before is not None and since == begin and before.bounds_ms == sample.bounds_ms:
            sample = Sample(
                source=sample.source,
                requests=max(sample.requests, before.requests),
                errors=max(sample.errors, before.errors),
                bounds_ms=sample.bounds_ms,
                counts=tuple(map(max, sample.counts, before.counts)),
                timed=max(sample.timed, before.timed),
            )
        self._counted[key] = (begin, sample)
        return sample
