"""Render the routes (RDS) and the runtime keys that turn a split on.

The route file alone means: everything on stable. A canary gets traffic only by runtime keys, which
arrive as a lease (see `rtds`), so that every way to the canary, pins included, ends with the lease.
"""

from __future__ import annotations

import re
from typing import Any

from chimera.platforms.envoy.clusters import seconds
from chimera.platforms.envoy.model import TOTAL_WEIGHT, Front

Json = dict[str, Any]

_TYPE = "type.googleapis.com/envoy"
REQUEST_ID = "x-request-id"
_PREDICATES = "extensions.retry.host.previous_hosts.v3"
_OTHER_HOST = {"@type": f"{_TYPE}.{_PREDICATES}.PreviousHostsPredicate"}
RETRIED = "connect-failure,refused-stream,reset-before-request"


def route_configuration(front: Front) -> Json:
    """Render the routes; first match wins: pinned by header, by cookie, then everybody else."""
    routes = [_route(front, {}, _split(front))]
    if front.canary is not None:
        if front.options.sticky:
            routes = [_sticky_known(front), _sticky_new(front), *routes]
        if front.options.override_header:
            routes = [_override(front, front.canary), *routes]
    return {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": front.service,
        # Off by default: an unknown cluster would be accepted and answer 503.
        "validate_clusters": True,
        "virtual_hosts": [{"name": front.service, "domains": ["*"], "routes": routes}],
    }


def routed_clusters(configuration: Json) -> set[str]:
    """Return the clusters that a rendered route configuration names."""
    targets = [route["route"] for route in configuration["virtual_hosts"][0]["routes"]]
    pinned = {target["cluster"] for target in targets if "cluster" in target}
    splits = [
        target["weighted_clusters"]["clusters"] for target in targets if "cluster" not in target
    ]
    return pinned | {share["name"] for shares in splits for share in shares}


def split_values(front: Front, canary_weight: int) -> dict[str, int]:
    """Return the runtime keys for a canary at `canary_weight` of TOTAL_WEIGHT (1 = 0.01 %)."""
    if front.canary is None:
        raise ValueError(f"{front.service} has no canary to send traffic to")
    if not 0 <= canary_weight <= TOTAL_WEIGHT:
        raise ValueError(f"weight {canary_weight} must be from 0 to {TOTAL_WEIGHT}")
    return {
        f"{front.layer}.{front.stable}": TOTAL_WEIGHT - canary_weight,
        f"{front.layer}.{front.canary}": canary_weight,
        _gate_key(front): 100,
    }


def _gate_key(front: Front) -> str:
    return f"{front.layer}.gate.open"  # cluster names hold no dot, so no cluster can be meant


def _gate(front: Front) -> Json:
    percent = {"numerator": 0, "denominator": "HUNDRED"}
    return {"runtime_fraction": {"default_value": percent, "runtime_key": _gate_key(front)}}


def _route(front: Front, match: Json, target: Json) -> Json:
    return {"match": {"prefix": "/", **match}, "route": {**_behaviour(front), **target}}


def _behaviour(front: Front) -> Json:
    retry: Json = {
        # Only where no replica can have begun to work; retrying 5xx would hide the canary's errors.
        "retry_on": RETRIED,
        "num_retries": 2,
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": _OTHER_HOST}
        ],
        "host_selection_retry_max_attempts": 10,
    }
    if front.options.response_idle:
        retry["per_try_idle_timeout"] = seconds(front.options.response_idle)
    return {"timeout": seconds(front.options.request), "retry_policy": retry}


def _split(front: Front) -> Json:
    if front.canary is None:
        # No weights here, so that no runtime key left over from before can move anything.
        return {"weighted_clusters": {"clusters": [_share(front, front.stable, 1)]}}
    shares = [_share(front, front.stable, TOTAL_WEIGHT), _share(front, front.canary, 0)]
    # The canary is last: growing its share then only moves users from stable to canary.
    return {"weighted_clusters": {"runtime_key_prefix": front.layer, "clusters": shares}}


def _share(front: Front, name: str, weight: int) -> Json:
    return {"name": name, "weight": weight, **_named(front, name)}


def _named(front: Front, cluster: str) -> Json:
    if not front.options.revision_header:
        return {}
    return {"response_headers_to_add": [_set_header(front.options.revision_header, cluster)]}


def _set_header(name: str, value: str, *, append: bool = False) -> Json:
    action = "APPEND_IF_EXISTS_OR_ADD" if append else "OVERWRITE_IF_EXISTS_OR_ADD"
    return {"header": {"key": name, "value": value}, "append_action": action}


def _override(front: Front, canary: str) -> Json:
    exact = {"exact": front.options.override_value}
    header = {"name": front.options.override_header, "string_match": exact}
    route = _route(front, {"headers": [header], **_gate(front)}, {"cluster": canary})
    return {**route, **_named(front, canary)}


def _sticky_known(front: Front) -> Json:
    """A user with a cookie: the cookie's value picks the side, the same one on every request."""
    name = front.options.sticky_cookie
    pattern = rf"(.*;\s*)?{re.escape(name)}=.+"
    present = {"name": "cookie", "string_match": {"safe_regex": {"regex": pattern}}}
    hash_policy = [{"cookie": {"name": name}}]
    return _sticky(front, {"headers": [present]}, hash_policy)


def _sticky_new(front: Front) -> Json:
    """A new user: the request id picks the side and becomes the cookie, so both routes agree."""
    route = _sticky(front, {}, [{"header": {"header_name": REQUEST_ID}}])
    value = f"{front.options.sticky_cookie}=%REQ({REQUEST_ID})%; Path=/; HttpOnly; SameSite=Lax"
    return {**route, "response_headers_to_add": [_set_header("set-cookie", value, append=True)]}


def _sticky(front: Front, match: Json, hash_policy: list[Json]) -> Json:
    split = _split(front)
    split["weighted_clusters"]["use_hash_policy"] = True
    return _route(front, {**match, **_gate(front)}, {**split, "hash_policy": hash_policy})
