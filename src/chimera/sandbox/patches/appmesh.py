"""App Mesh: meshes and all that is in them, one way of working for every kind."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches import appmesh_rules as rules
from chimera.sandbox.patches.registry import Call, answers, merged_tags, page

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: `name` and `plural` as in the API, `path` the names that lead to it.

    `checks` raise AwsError: `on_write` for a spec, `on_delete` while something needs it.
    """

    name: str
    plural: str
    path: tuple[str, ...]
    on_write: Callable[[Call, Json], None] = rules.anything
    on_delete: Callable[[Call, Json], None] = rules.anything

    @property
    def key(self) -> str:
        """The parameter that names one of this kind."""
        return self.path[-1]


MESH = Kind("mesh", "meshes", ("meshName",), on_delete=rules.mesh_is_empty)
NODE = Kind(
    "virtualNode",
    "virtualNodes",
    ("meshName", "virtualNodeName"),
    rules.node_is_valid,
    rules.node_is_unused,
)
ROUTER = Kind(
    "virtualRouter",
    "virtualRouters",
    ("meshName", "virtualRouterName"),
    on_delete=rules.router_is_unused,
)
ROUTE = Kind(
    "route", "routes", ("meshName", "virtualRouterName", "routeName"), rules.route_is_valid
)
SERVICE = Kind(
    "virtualService",
    "virtualServices",
    ("meshName", "virtualServiceName"),
    rules.provider_exists,
    rules.service_is_unused,
)
GATEWAY = Kind(
    "virtualGateway",
    "virtualGateways",
    ("meshName", "virtualGatewayName"),
    on_delete=rules.gateway_is_unused,
)
GATEWAY_ROUTE = Kind(
    "gatewayRoute",
    "gatewayRoutes",
    ("meshName", "virtualGatewayName", "gatewayRouteName"),
)
KINDS = (MESH, NODE, ROUTER, ROUTE, SERVICE, GATEWAY, GATEWAY_ROUTE)


def _place(call: Call, kind: Kind) -> tuple[str, ...]:
    return (kind.name, *(call.params[name] for name in kind.path))


def _find(call: Call, kind: Kind) -> Json:
    _check_owner(call)
    for upper in KINDS:
        if len(upper.path) < len(kind.path) and kind.path[: len(upper.path)] == upper.path:
            rules.must_exist(call, upper.name, *(call.params[name] for name in upper.path))
    return rules.must_exist(call, kind.name, *(call.params[name] for name in kind.path))


def _check_owner(call: Call) -> None:
    owner = call.params.get("meshOwner")
    if owner and owner != call.world.account:
        message = f"You are not allowed to use meshes of account {owner}."
        raise AwsError("ForbiddenException", message, 403)


def _arn(call: Call, kind: Kind) -> str:
    steps = [f"mesh/{call.params['meshName']}"]
    for upper in KINDS[1:]:
        if kind.path[: len(upper.path)] == upper.path:
            steps.append(f"{upper.name}/{call.params[upper.key]}")
    return call.arn("/".join(steps))


def _once(call: Call, perform: Callable[[], Json]) -> Json:
    """Answer a repeated client token with the first answer."""
    token = call.params.get("clientToken")
    if not token:
        return perform()
    asked = {name: value for name, value in call.params.items() if name != "clientToken"}
    known = call.mesh.tokens.get(f"{call.action}:{token}")
    if known is None:
        answered = copy.deepcopy(perform())
        call.mesh.tokens[f"{call.action}:{token}"] = (asked, answered)
        return answered
    if known[0] != asked:
        raise AwsError("ConflictException", "The client token was used by another request.", 409)
    return known[1]


def _create(call: Call, kind: Kind) -> Json:
    _check_owner(call)
    for upper in KINDS:
        if len(upper.path) < len(kind.path) and kind.path[: len(upper.path)] == upper.path:
            rules.must_exist(call, upper.name, *(call.params[name] for name in upper.path))
    place = _place(call, kind)
    if place in call.mesh.resources:
        message = f"{kind.name} {call.params[kind.key]} already exists."
        raise AwsError("ConflictException", message, 409)
    kind.on_write(call, call.params.get("spec", {}))
    now = time.time()
    record = {
        **{name: call.params[name] for name in kind.path},
        "spec": call.params.get("spec", {}),
        "status": {"status": "ACTIVE"},
        "metadata": {
            "arn": _arn(call, kind),
            "createdAt": now,
            "lastUpdatedAt": now,
            "meshOwner": call.world.account,
            "resourceOwner": call.world.account,
            "uid": str(uuid4()),
            "version": 1,
        },
        "_tags": list(call.params.get("tags", ())),
    }
    call.mesh.resources[place] = record
    return {kind.name: record}


def _update(call: Call, kind: Kind) -> Json:
    record = _find(call, kind)
    kind.on_write(call, call.params.get("spec", {}))
    record["spec"] = call.params.get("spec", {})
    record["metadata"]["lastUpdatedAt"] = time.time()
    record["metadata"]["version"] += 1
    return {kind.name: record}


def _delete(call: Call, kind: Kind) -> Json:
    record = _find(call, kind)
    kind.on_delete(call, record)
    del call.mesh.resources[_place(call, kind)]
    return {kind.name: {**record, "status": {"status": "DELETED"}}}


def _describe(call: Call, kind: Kind) -> Json:
    return {kind.name: _find(call, kind)}


def _list(call: Call, kind: Kind) -> Json:
    _check_owner(call)
    upper = kind.path[:-1]
    wanted = tuple(call.params[name] for name in upper)
    for above in KINDS:
        if above.path == upper:
            rules.must_exist(call, above.name, *wanted)
    if len(upper) > 1:
        rules.must_exist(call, "mesh", wanted[0])
    found = []
    for place, record in sorted(call.mesh.resources.items()):
        if place[0] == kind.name and place[1:-1] == wanted:
            names = {name: record[name] for name in kind.path}
            found.append({**record["metadata"], **names})
    return page(call, found, into=kind.plural)


def _register(kind: Kind) -> None:
    title = kind.name[0].upper() + kind.name[1:]
    plural = kind.plural[0].upper() + kind.plural[1:]
    answers("appmesh", f"Create{title}")(lambda call: _once(call, lambda: _create(call, kind)))
    answers("appmesh", f"Update{title}")(lambda call: _once(call, lambda: _update(call, kind)))
    answers("appmesh", f"Delete{title}")(lambda call: _delete(call, kind))
    answers("appmesh", f"Describe{title}")(lambda call: _describe(call, kind))
    answers("appmesh", f"List{plural}")(lambda call: _list(call, kind))


for _kind in KINDS:
    _register(_kind)


def _by_arn(call: Call) -> Json:
    arn = call.params["resourceArn"]
    for record in call.mesh.resources.values():
        if record["metadata"]["arn"] == arn:
            return record
    raise AwsError("NotFoundException", f"{arn} does not exist.", 404)


@answers("appmesh", "TagResource")
def tag_resource(call: Call) -> Json:
    """Add tags."""
    record = _by_arn(call)
    record["_tags"] = merged_tags(record["_tags"], call.params["tags"])
    return {}


@answers("appmesh", "UntagResource")
def untag_resource(call: Call) -> Json:
    """Remove tags."""
    record = _by_arn(call)
    gone = set(call.params["tagKeys"])
    record["_tags"] = [tag for tag in record["_tags"] if tag["key"] not in gone]
    return {}


@answers("appmesh", "ListTagsForResource")
def list_tags(call: Call) -> Json:
    """List a resource's tags."""
    return page(call, _by_arn(call)["_tags"], into="tags", size=50)
