"""What an Envoy really does: its split and its counters, not what was last written."""

from __future__ import annotations

from datetime import UTC, datetime

from chimera.core.errors import ProviderUnavailable
from chimera.core.model import Reading, Revision, Sample, Service, Split
from chimera.platforms.envoy import config
from chimera.platforms.envoy.stats import ClusterCounters
from chimera.platforms.local.faults import mapped
from chimera.platforms.local.fronts import Fronts, shape
from chimera.platforms.local.record import Record, Records, slug
from chimera.platforms.local.routes import Shares, percent, read_shares

FOREIGN = "(routes changed outside Chimera)"


async def in_force(fronts: Fronts, record: Record) -> Split:
    """Return the split that Envoy has in force, from its runtime, its routes and their file.

    Routes that are not the record's are named so: the stable revision's name then ends in FOREIGN.
    """
    service = record.service.name
    if await fronts.running(service) is None:
        raise ProviderUnavailable("local", "read the split", f"the Envoy of {service} is down")
    envoy, front = fronts.envoy(service), shape(record)
    stat = f"http.{config.STAT_PREFIX}.rds.{front.service}.version_text"
    version = (await envoy.admin.stats(f"^{stat}$")).get(stat)
    if not version:  # it has just started
        reason = f"the Envoy of {service} has not taken its routes yet"
        raise ProviderUnavailable("local", "read the split", reason)
    runtime = await envoy.admin.runtime()
    try:
        text = envoy.layout.discovery("rds").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    shares = read_shares(text)
    for ours in record.perhaps():
        routes = config.routes_file(shape(ours))
        if text == routes.text and version == routes.version:
            return _split(ours, shares, runtime, ours.stable)
    if shares is not None and version != shares.version:
        shares = None  # Envoy did not take that file, so it says nothing about the traffic
    return _split(record, shares, runtime, f"{record.stable} {FOREIGN}")


def _split(record: Record, shares: Shares | None, runtime: dict[str, str], stable: str) -> Split:
    weights = shares.with_runtime(runtime) if shares else {}
    others = [name for name in weights if name != slug(record.stable)]
    canary = record.canary
    if not canary and others:
        canary = record.name_of(others[-1])
    if not canary:
        return Split(stable)
    return Split(stable, canary, percent(weights.get(slug(canary), 0), weights))


class LocalMetrics:
    """The MetricSource of this machine: the service's own Envoy counts every request."""

    min_interval_s = 0.0

    def __init__(self, records: Records, fronts: Fronts) -> None:
        self._records = records
        self._fronts = fronts

    @mapped("read metrics")
    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        """Return both arms' counters, read in one moment from the admin socket."""
        record = self._records.load(service.name)
        if record is None:
            reason = f"service '{service.name}' is not installed here"
            raise ProviderUnavailable("local", "read metrics", reason)
        process = await self._fronts.running(service.name)
        if process is None:
            reason = f"the Envoy of {service.name} is down"
            raise ProviderUnavailable("local", "read metrics", reason)
        names = {one.name: slug(one.name) for one in (stable, canary)}
        known = [cluster for name, cluster in names.items() if name in record.routed]
        envoy = self._fronts.envoy(service.name)
        counters = await envoy.admin.counters(known) if known else {}
        at, source = datetime.now(UTC), f"envoy-{process.pid}-{process.started}"

        def arm(revision: Revision) -> tuple[Sample, ...]:
            found = counters.get(names[revision.name])
            return (_sample(source, found),) if found else ()

        query = f"envoy {envoy.layout.admin}: cluster.{{{','.join(known)}}}"
        return Reading(at, arm(canary), arm(stable), query)


def _sample(source: str, counted: ClusterCounters) -> Sample:
    latency = counted.latency
    return Sample(
        source=source,
        requests=counted.completed,
        errors=counted.errors,
        bounds_ms=latency.bounds_ms,
        counts=latency.counts,
        timed=latency.total,
    )
