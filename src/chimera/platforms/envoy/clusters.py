"""Render clusters (CDS) and their endpoints (EDS) as plain dicts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from chimera.platforms.envoy.model import Cluster, HealthCheck, TrafficOptions

Json = dict[str, Any]

_TYPE = "type.googleapis.com/envoy"
_HTTP_OPTIONS = f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions"
# Envoy's own limits (1024) would make it, not the service, the one that refuses a burst.
_UNLIMITED = 1_000_000


def seconds(duration: timedelta) -> str:
    """Write a duration as protobuf's JSON does, "1.5s"."""
    return f"{duration.total_seconds():.3f}".rstrip("0").rstrip(".") + "s"


def watched(path: Path) -> Json:
    """Point at a file that is read again whenever another one is renamed to its name.

    Not its folder: that would cost one more inotify instance each, of which a user has 128.
    """
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def cluster(spec: Cluster, options: TrafficOptions, eds_file: Path) -> Json:
    """Render one cluster, its endpoints to be read from `eds_file`."""
    limits = {
        "max_connections": _UNLIMITED,
        "max_pending_requests": _UNLIMITED,
        "max_requests": _UNLIMITED,
        "max_retries": _UNLIMITED,
    }
    rendered: Json = {
        "@type": f"{_TYPE}.config.cluster.v3.Cluster",
        "name": spec.name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": watched(eds_file), "service_name": spec.name},
        "connect_timeout": seconds(options.connect),
        # Not the least busy replica: that is the one that fails fast.
        "lb_policy": "ROUND_ROBIN",
        "common_lb_config": {
            # With no healthy replica at all Envoy tries them anyway: a wrong check path must not
            # take a service down that works. One healthy replica of many gets all the traffic.
            "healthy_panic_threshold": {"value": 1},
            "ignore_new_hosts_until_first_hc": True,
            # By default what a health check found takes effect up to a second after Envoy says so.
            "update_merge_window": "0s",
        },
        # A replica that was taken out of the file gets no new request, healthy or not.
        "ignore_health_on_host_removal": True,
        "circuit_breakers": {"thresholds": [limits]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _protocol(spec, options)
        },
    }
    if spec.health:
        rendered["health_checks"] = [_health_check(spec.health, spec.protocol)]
    return rendered


def _protocol(spec: Cluster, options: TrafficOptions) -> Json:
    version = "http2" if spec.protocol == "http2" else "http"
    return {
        "@type": _HTTP_OPTIONS,
        "explicit_http_config": {f"{version}_protocol_options": {}},
        "common_http_protocol_options": {"idle_timeout": seconds(options.upstream_keepalive)},
    }


def _health_check(check: HealthCheck, protocol: str) -> Json:
    interval = seconds(check.interval)
    return {
        "timeout": seconds(check.timeout),
        "interval": interval,
        # Without these a cluster that has had no traffic is asked once a minute only.
        "no_traffic_interval": interval,
        "no_traffic_healthy_interval": interval,
        "healthy_threshold": check.healthy_after,
        "unhealthy_threshold": check.unhealthy_after,
        "reuse_connection": False,
        "http_health_check": {
            "path": check.path,
            "expected_statuses": [{"start": 200, "end": 300}],
            "codec_client_type": "HTTP2" if protocol == "http2" else "HTTP1",
        },
    }


def load_assignment(spec: Cluster) -> Json:
    """Render a cluster's endpoints; Envoy takes exactly one assignment per EDS file."""
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": e.host, "port_value": e.port}}}}
        for e in sorted(spec.endpoints)
    ]
    return {
        "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": spec.name,
        "endpoints": [{"lb_endpoints": endpoints}],
    }
