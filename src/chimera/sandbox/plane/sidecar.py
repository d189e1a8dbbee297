"""The Envoy beside an app, as App Mesh would configure it from the virtual node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PROXY, ADMIN = 15000, 9901
_TYPE = "type.googleapis.com/envoy"
_HCM = f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_TYPE}.extensions.filters.http.router.v3.Router"


def resource_arn(container: Json) -> str:
    """Return the mesh resource that a container's Envoy stands for, "" if it names none."""
    named = {one["name"]: one["value"] for one in container.get("environment", ())}
    return str(named.get("APPMESH_RESOURCE_ARN") or named.get("APPMESH_VIRTUAL_NODE_NAME", ""))


def find_node(resources: dict[tuple[str, ...], Json], arn: str) -> Json | None:
    """Find the virtual node by its ARN, or by mesh/NAME/virtualNode/NAME."""
    path = arn.partition("mesh/")[2]
    for place, record in resources.items():
        if place[0] == "virtualNode" and record["metadata"]["arn"].endswith(f"mesh/{path}"):
            return record
    return None


def write_bootstrap(path: Path, address: str, app_port: int, node: str) -> Path:
    """Write what the sidecar of an app on `address`:`app_port` starts from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_bootstrap(address, app_port, node)), encoding="utf-8")
    return path


def _bootstrap(address: str, app_port: int, node: str) -> Json:
    return {
        "node": {"id": node, "cluster": node},
        "admin": {"address": socket(address, ADMIN)},
        "static_resources": {
            "listeners": [
                {
                    "name": "ingress",
                    "address": socket(address, PROXY),
                    "filter_chains": [{"filters": [_manager()]}],
                }
            ],
            "clusters": [
                {
                    "name": "app",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "load_assignment": {
                        "cluster_name": "app",
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": socket(address, app_port)}}]}
                        ],
                    },
                }
            ],
        },
    }


def socket(address: str, port: int) -> Json:
    """Render an address."""
    return {"socket_address": {"address": address, "port_value": port}}


def _manager() -> Json:
    host = {
        "name": "app",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app", "timeout": "15s"}}],
    }
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": _HCM,
            # App Mesh names the listener's statistics so; the metrics agent selects by it.
            "stat_prefix": "ingress",
            "route_config": {"name": "app", "virtual_hosts": [host]},
            "http_filters": [
                {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}
            ],
        },
    }
