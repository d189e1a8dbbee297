"""Render everything one Envoy reads: its bootstrap and the watched files of one front."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from chimera.platforms.envoy.clusters import cluster, load_assignment, seconds, watched
from chimera.platforms.envoy.model import Front, TrafficOptions, check_socket_path
from chimera.platforms.envoy.routes import route_configuration

Json = dict[str, Any]

_TYPE = "type.googleapis.com/envoy"
_HCM = f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_CONTROLLER = "chimera_controller"
STAT_PREFIX = "ingress"

# Upper bounds in ms. Limits that people set (100, 250, 300, 500, 1000 ...) are bounds themselves.
LATENCY_BOUNDS_MS = (
    *(0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 125, 150, 200, 250, 300, 400),
    *(500, 600, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000),
    *(30_000, 45_000, 60_000),
)
# Envoy gives no total of a histogram; a bound that nothing exceeds does.
_ENDLESS_MS = 86_400_000
# Envoy takes loopback and private callers for internal unless some range is given, even when told
# that none is; and internal callers may steer it by x-envoy-* headers, say to a timeout of 1 ms.
_NOBODY = {
    "unix_sockets": False,
    "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}],
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one front's files are. `folder` is created by the caller with mode 0700.

    `controller` is the socket of the lease server; many fronts share one. Raises ValueError for
    a socket path that the system cannot hold.
    """

    folder: Path
    admin: Path
    controller: Path

    def __post_init__(self) -> None:
        check_socket_path(self.admin)
        check_socket_path(self.controller)

    @property
    def bootstrap(self) -> Path:
        """The file Envoy starts from."""
        return self.folder / "bootstrap.json"

    @property
    def log(self) -> Path:
        """What Envoy says."""
        return self.folder / "envoy.log"

    @property
    def watched(self) -> Path:
        """The folder of the files that Envoy reads again on every rename."""
        return self.folder / "xds"

    def discovery(self, kind: str) -> Path:
        """The file of one kind: "lds", "rds", "cds" or "eds-NAME"."""
        return self.watched / f"{kind}.json"


@dataclass(frozen=True, slots=True)
class Discovery:
    """A discovery file's text, and the version that Envoy reports once it has applied it."""

    text: str
    version: str


def discovery(resources: list[Json]) -> Discovery:
    """Render a discovery response; equal resources have equal texts and versions."""
    canonical = json.dumps(resources, sort_keys=True)
    version = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    body = {"version_info": version, "resources": resources}
    return Discovery(json.dumps(body, indent=1, sort_keys=True) + "\n", version)


def clusters_file(front: Front, layout: Layout) -> Discovery:
    """Render CDS: every cluster of the front, routed to or not."""
    return discovery(
        [cluster(c, front.options, layout.discovery(f"eds-{c.name}")) for c in front.clusters]
    )


def endpoint_files(front: Front) -> dict[str, Discovery]:
    """Render EDS: cluster name -> its file, since Envoy takes one cluster per file."""
    return {c.name: discovery([load_assignment(c)]) for c in front.clusters}


def routes_file(front: Front) -> Discovery:
    """Render RDS: the durable truth that everything goes to stable."""
    return discovery([route_configuration(front)])


def listener_file(front: Front, layout: Layout) -> Discovery:
    """Render LDS: the front port, its routes read from the RDS file."""
    source = {"route_config_name": front.service, "config_source": watched(layout.discovery("rds"))}
    return discovery([_listener(front, {"rds": source})])


def _listener(front: Front, routes: Json) -> Json:
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {**_connection_manager(front), **routes},
    }
    return {
        "@type": f"{_TYPE}.config.listener.v3.Listener",
        "name": "front",
        "address": {"socket_address": {"address": front.address, "port_value": front.port}},
        # With reuse a second Envoy would silently take half of the connections.
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [manager]}],
    }


def _connection_manager(front: Front) -> Json:
    router = {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"}
    return {
        "@type": _HCM,
        "stat_prefix": STAT_PREFIX,
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {**router, "suppress_envoy_headers": True},
            }
        ],
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "use_remote_address": True,
        "xff_num_trusted_hops": _trusted_hops(front),
        "internal_address_config": _NOBODY,
        "server_header_transformation": "PASS_THROUGH",
        "http_protocol_options": {"accept_http_10": True},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "stream_idle_timeout": seconds(_stream_idle(front.options)),
    }


def _trusted_hops(front: Front) -> int:
    if front.options.trusted_hops is not None:
        return front.options.trusted_hops
    # Only a proxy on this machine can reach a loopback port: its x-forwarded-proto is kept.
    return int(ipaddress.ip_address(front.address).is_loopback)


def _stream_idle(options: TrafficOptions) -> timedelta:
    # Frees what a vanished client left; never before the replica's own silence limit.
    if not options.response_idle:
        return timedelta(0)
    return max(timedelta(minutes=5), 2 * options.response_idle)


def bootstrap(front: Front, layout: Layout) -> Json:
    """Render the bootstrap: watched files, the lease layer, and a read-only admin socket."""
    return {
        "node": {"id": front.layer, "cluster": "chimera"},
        "dynamic_resources": {
            "cds_config": watched(layout.discovery("cds")),
            "lds_config": watched(layout.discovery("lds")),
        },
        "static_resources": {"clusters": [_controller(layout.controller)]},
        "layered_runtime": {"layers": [_lease_layer(front.layer)]},
        "stats_flush_on_admin": True,
        "stats_config": {
            "histogram_bucket_settings": [
                {
                    "match": {"suffix": "upstream_rq_time"},
                    "buckets": [float(bound) for bound in (*LATENCY_BOUNDS_MS, _ENDLESS_MS)],
                }
            ]
        },
        "admin": {
            "address": {"pipe": {"path": str(layout.admin), "mode": 0o600}},
            "allow_paths": [{"safe_regex": {"regex": r"/(stats|ready|runtime)(\?.*)?"}}],
        },
    }


def checked_bootstrap(front: Front, layout: Layout) -> Json:
    """Render the same with clusters, routes and listener inside.

    Envoy's validation does not open watched files, so this is what it is given to judge.
    """
    rendered = bootstrap(front, layout)
    del rendered["dynamic_resources"]
    rendered["static_resources"]["clusters"] += [
        cluster(c, front.options, layout.discovery(f"eds-{c.name}")) for c in front.clusters
    ]
    routes = {key: value for key, value in route_configuration(front).items() if key != "@type"}
    listener = _listener(front, {"route_config": routes})
    rendered["static_resources"]["listeners"] = [listener]
    for resource in (*rendered["static_resources"]["clusters"], listener):
        resource.pop("@type", None)
    return rendered


def _lease_layer(name: str) -> Json:
    source = {
        "resource_api_version": "V3",
        # Envoy waits this long at its start when no controller answers.
        "initial_fetch_timeout": "1s",
        "api_config_source": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [
                {
                    "envoy_grpc": {
                        "cluster_name": _CONTROLLER,
                        "retry_policy": {
                            "retry_back_off": {"base_interval": "0.25s", "max_interval": "1s"}
                        },
                    }
                }
            ],
        },
    }
    return {"name": "lease", "rtds_layer": {"name": name, "rtds_config": source}}


def _controller(socket: Path) -> Json:
    http2 = {"connection_keepalive": {"interval": "5s", "timeout": "3s"}}
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(socket)}}}}
    return {
        "name": _CONTROLLER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": _CONTROLLER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": http2},
            }
        },
    }
