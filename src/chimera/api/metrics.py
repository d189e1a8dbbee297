"""`/metrics` for Prometheus: where rollouts stand, what checks measure, the HTTP traffic."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chimera import __version__
from chimera.api.parts import chimera_of, live_of, reads
from chimera.api.problems import documented
from chimera.app.reports import LookView, Measures, RolloutView
from chimera.core.access import Role
from chimera.core.model import Finding
from chimera.core.state import Phase

router = APIRouter(tags=["monitoring"])

_ROLLOUT = ["service", "rollout"]
_SEEN = "chimera.seen"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Counts and times requests by route; it is a middleware's memory, one per application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self.requests = Counter(
            "chimera_http_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "chimera_http_request_duration_seconds",
            "Time to the end of an answer; streams are not in it.",
            ["method", "route"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )


class Measured:
    """The middleware: a route's template is the label, so that there are only so many."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, stream = time.perf_counter(), 500, False
        seen: dict[str, str] = {}
        scope[_SEEN] = seen

        async def sending(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = dict(message.get("headers", ())).get(b"content-type", b"")
                stream = kind.startswith(b"text/event-stream")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = seen.get("route", "(none)")
            method = scope["method"] if scope["method"] in _METHODS else "(other)"
            self._metrics.requests.labels(method, route, str(status)).inc()
            if not stream:
                taken = time.perf_counter() - began
                self._metrics.seconds.labels(method, route).observe(taken)


class Named:
    """The innermost middleware: it sees which route was chosen, and tells `Measured`."""

    def __init__(self, app: ASGIApp, named: FastAPI) -> None:
        self._app = app
        self._named = named
        self._paths: dict[object, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        try:
            await self._app(scope, receive, send)
        finally:
            endpoint = scope.get("endpoint")
            if endpoint is not None and _SEEN in scope:
                scope[_SEEN]["route"] = self._path(endpoint)

    def _path(self, endpoint: object) -> str:
        """Return the whole path: a route of an included router knows but its own part of it."""
        if not self._paths:
            for route in iter_route_contexts(list(self._named.routes)):
                self._paths.setdefault(
                    getattr(route, "endpoint", None), str(getattr(route, "path", ""))
                )
        return self._paths.get(endpoint, "(none)")


@router.get(
    "/metrics",
    operation_id="getMetrics",
    dependencies=reads(Role.VIEWER, service="*"),
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text format", "content": {"text/plain": {}}},
        **documented(),
    },
)
async def get_metrics(request: Request) -> Response:
    """Return what there is to monitor, in Prometheus' text format."""
    measures = await chimera_of(request).measure()
    http: HttpMetrics = request.app.state.metrics
    families = [*_families(measures, datetime.now(UTC)), _streams(live_of(request).viewers)]
    body = generate_latest(_Snapshot(families)) + generate_latest(http.registry)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


class _Snapshot(CollectorRegistry):
    """Families that were collected already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        yield from self._families


def _streams(viewers: int) -> Metric:
    return GaugeMetricFamily("chimera_streams", "Live views open in this process.", viewers)


def _families(measures: Measures, now: datetime) -> Iterator[Metric]:
    build = GaugeMetricFamily("chimera_build_info", "This Chimera.", labels=["version"])
    build.add_metric([__version__], 1)
    yield build
    yield GaugeMetricFamily(
        "chimera_controller_up", "Whether a controller runs here.", int(measures.controller)
    )
    ended = CounterMetricFamily(
        "chimera_rollouts_ended", "Rollouts that are over.", labels=["service", "phase"]
    )
    for service, phase, count in measures.endings:
        ended.add_metric([service, phase], count)
    yield ended
    yield from _rollouts(measures)
    yield from _looks(measures, now)
    yield from _checks(measures)


def _rollouts(measures: Measures) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "chimera_rollout_info",
        "A live rollout and its versions.",
        labels=[*_ROLLOUT, "platform", "stable", "canary"],
    )
    phase = GaugeMetricFamily(
        "chimera_rollout_phase",
        "1 for the phase that a live rollout is in.",
        labels=[*_ROLLOUT, "phase"],
    )
    weight = GaugeMetricFamily(
        "chimera_rollout_weight_ratio", "Share of traffic on the canary.", labels=_ROLLOUT
    )
    alone = GaugeMetricFamily(
        "chimera_rollout_unattended", "1 if nothing drives a live rollout.", labels=_ROLLOUT
    )
    for view, _, _ in measures.live:
        names = _names(view)
        rollout = view.rollout
        info.add_metric(
            [*names, rollout.service.platform, rollout.stable.name, rollout.canary.name], 1
        )
        for one in Phase:
            phase.add_metric([*names, one.value], int(one is view.state.phase))
        weight.add_metric(names, view.state.weight / 100)
        alone.add_metric(names, int(bool(view.unattended)))
    yield from (info, phase, weight, alone)


def _looks(measures: Measures, now: datetime) -> Iterator[Metric]:
    looks = CounterMetricFamily("chimera_rollout_looks", "Looks at a rollout.", labels=_ROLLOUT)
    late = GaugeMetricFamily(
        "chimera_rollout_look_lateness_seconds",
        "How much longer than its interval the watch of a rollout has not looked.",
        labels=_ROLLOUT,
    )
    for view, count, last in measures.live:
        looks.add_metric(_names(view), count)
        if last is not None and _watched(view):
            interval = view.rollout.plan.analysis.interval
            late.add_metric(_names(view), max(0.0, (now - last.look.at - interval).total_seconds()))
    yield from (looks, late)


def _watched(view: RolloutView) -> bool:
    return view.state.work is not None and view.state.work.kind == "watch"


def _checks(measures: Measures) -> Iterator[Metric]:
    labels = [*_ROLLOUT, "check", "unit"]
    value = GaugeMetricFamily(
        "chimera_check_value",
        "What a check measured in its window: a ratio, or seconds.",
        labels=[*labels, "arm"],
    )
    limit = GaugeMetricFamily(
        "chimera_check_limit",
        "What it may not exceed: the spec's max, or what follows from stable.",
        labels=[*labels, "kind"],
    )
    bad = GaugeMetricFamily(
        "chimera_check_unhealthy",
        "1 if the check says that the canary is unhealthy.",
        labels=labels,
    )
    for view, _, last in measures.live:
        for metric, found in _findings(last).items():
            unit, scale = _unit(found[0])
            names = [*_names(view), metric, unit]
            for arm, measured in (("canary", found[0].canary), ("stable", found[0].stable)):
                if measured is not None:
                    value.add_metric([*names, arm], measured * scale)
            fixed = _fixed(view, metric)
            others = [one.limit for one in found if one.limit not in {None, fixed}]
            for kind, known in (("max", fixed), ("stable", min(others, default=None))):
                if known is not None:
                    limit.add_metric([*names, kind], known * scale)
            bad.add_metric(names, int(any(one.verdict == "unhealthy" for one in found)))
    yield from (value, limit, bad)


def _findings(look: LookView | None) -> dict[str, list[Finding]]:
    """Return what was found by metric: one may be checked against a limit and against stable."""
    found: dict[str, list[Finding]] = {}
    for one in look.judgement.findings if look else ():
        found.setdefault(one.metric, []).append(one)
    return found


def _fixed(view: RolloutView, metric: str) -> float | None:
    limits = view.rollout.plan.analysis.limits
    return min((one.max for one in limits if one.metric == metric and one.max), default=None)


def _unit(finding: Finding) -> tuple[str, float]:
    return ("seconds", 0.001) if finding.unit == "ms" else (finding.unit, 1.0)


def _names(view: RolloutView) -> list[str]:
    return [view.rollout.service.name, view.rollout.id]
