"""Topology -> what Envoy reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from chimera.platforms.envoy.clusters import watched
from chimera.platforms.envoy.config import LATENCY_BOUNDS_MS
from chimera.sandbox.plane.sidecar import socket
from chimera.sandbox.plane.topology import Entry, Pool, Route

Json = dict[str, Any]
_TYPE = "type.googleapis.com/envoy"
_HCM = f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_TYPE}.extensions.filters.http.router.v3.Router"
_COOKIE = "AWSALBTG"


def bootstrap(folder: Path, address: str) -> Json:
    """Render what the gateways' Envoy starts from; `folder` holds its watched files."""
    buckets = [float(bound) for bound in (*LATENCY_BOUNDS_MS, 86_400_000)]
    return {
        "node": {"id": "gateways", "cluster": "practice-range"},
        "admin": {"address": socket(address, 9901)},
        "dynamic_resources": {
            "cds_config": watched(folder / "cds.json"),
            "lds_config": watched(folder / "lds.json"),
        },
        "stats_flush_on_admin": True,
        "stats_config": {
            "histogram_bucket_settings": [
                {"match": {"suffix": "upstream_rq_time"}, "buckets": buckets}
            ]
        },
    }


def discovery(resources: list[Json]) -> str:
    """Render a discovery file."""
    canonical = json.dumps(resources, sort_keys=True)
    version = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    return json.dumps({"version_info": version, "resources": resources})


def cluster(pool: Pool, folder: Path) -> Json:
    """Render one pool's cluster, its endpoints to be read from a file of its own."""
    unlimited = dict.fromkeys(
        ("max_connections", "max_pending_requests", "max_requests", "max_retries"), 1000000
    )
    return {
        "@type": f"{_TYPE}.config.cluster.v3.Cluster",
        "name": pool.name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": watched(folder / f"eds-{pool.name}.json")},
        "connect_timeout": "1s",
        "lb_policy": "ROUND_ROBIN",
        "common_lb_config": {"update_merge_window": "0s"},
        "ignore_health_on_host_removal": True,
        "circuit_breakers": {"thresholds": [unlimited]},
    }


def assignment(pool: Pool) -> Json:
    """Render one pool's endpoints."""
    members = [{"endpoint": {"address": socket(*one)}} for one in pool.endpoints]
    return {
        "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": pool.name,
        "endpoints": [{"lb_endpoints": members}],
    }


def listener(entry: Entry, address: str, port: int, folder: Path) -> Json:
    """Render one way in."""
    name = slug(entry.name)
    manager = {
        "@type": _HCM,
        "stat_prefix": f"in-{name}",
        "rds": {
            "route_config_name": name,
            "config_source": watched(folder / f"rds-{name}.json"),
        },
        "use_remote_address": True,
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    return {
        "@type": f"{_TYPE}.config.listener.v3.Listener",
        "name": name,
        "address": socket(address, port),
        "filter_chains": [chain],
    }


def slug(name: str) -> str:
    """Return a name that fits into a file's."""
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in name)


def routes(entry: Entry) -> Json:
    """Render one way in's routes."""
    rendered = [one for route in entry.routes for one in _route(route)]
    return {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": slug(entry.name),
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": rendered}],
    }


def _route(route: Route) -> list[Json]:
    weighted = [(pool, weight) for pool, weight in route.shares if weight > 0]
    if not weighted:
        return [{"match": _match(route), "direct_response": {"status": route.status}}]
    if not route.sticky_s:
        return [_forward(route, _match(route), weighted)]
    # A load balancer's cookie names the group, so that users stay when weights change.
    known = []
    for pool, _ in route.shares:
        pattern = rf"(.*;\s*)?{_COOKIE}={pool}(;.*)?"
        cookie = {"name": "cookie", "string_match": {"safe_regex": {"regex": pattern}}}
        match = _match(route)
        match["headers"] = [*match.get("headers", ()), cookie]
        known.append(_forward(route, match, [(pool, 1)]))
    return [*known, _forward(route, _match(route), weighted, cookies=True)]


def _match(route: Route) -> Json:
    match: Json = {"path": route.path} if route.path else {"prefix": route.prefix or "/"}
    headers = [{"name": n, "string_match": {"exact": v}} for n, v in route.headers]
    if route.host:
        pattern = (
            {"exact": route.host} if "*" not in route.host else {"suffix": route.host.lstrip("*")}
        )
        headers.append({"name": ":authority", "string_match": pattern})
    return {**match, **({"headers": headers} if headers else {})}


def _forward(
    route: Route, match: Json, shares: list[tuple[str, int]], *, cookies: bool = False
) -> Json:
    clusters = []
    for pool, weight in shares:
        share: Json = {"name": pool, "weight": weight}
        if cookies:
            value = f"{_COOKIE}={pool}; Max-Age={route.sticky_s}; Path=/"
            header = {"header": {"key": "set-cookie", "value": value}}
            share["response_headers_to_add"] = [
                {**header, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
            ]
        clusters.append(share)
    return {
        "match": match,
        "route": {
            "timeout": "15s",
            "weighted_clusters": {"clusters": clusters},
            # As App Mesh and load balancers do: only where no app can have begun to work.
            "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 2},
        },
    }
