"""A route of App Mesh as data: its weighted targets, read and replaced. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = ("httpRoute", "http2Route", "grpcRoute", "tcpRoute")
FULL = 100


@dataclass(frozen=True, slots=True)
class Target:
    """A virtual node with its weight, and the listener's port where the route names one."""

    node: str
    weight: int
    port: int | None = None

    def raw(self) -> dict[str, Any]:
        """Return it as App Mesh takes it."""
        port = {} if self.port is None else {"port": self.port}
        return {"virtualNode": self.node, "weight": self.weight, **port}

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Target:
        """Read it as App Mesh tells it."""
        return cls(str(raw["virtualNode"]), int(raw["weight"]), raw.get("port"))


def targets(spec: Mapping[str, Any]) -> tuple[Target, ...]:
    """Return a route's targets in their order; none if it is of a kind that has no weights."""
    for kind in KINDS:
        action = (spec.get(kind) or {}).get("action")
        if action:
            return tuple(Target.of(raw) for raw in action.get("weightedTargets") or ())
    return ()


def with_targets(spec: Mapping[str, Any], wanted: Sequence[Target]) -> dict[str, Any]:
    """Return the same route with other targets; every other field is untouched."""
    changed: dict[str, Any] = copy.deepcopy(dict(spec))
    for kind in KINDS:
        if changed.get(kind):
            changed[kind]["action"]["weightedTargets"] = [target.raw() for target in wanted]
    return changed


def frame(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of a route but its targets: what Chimera never changes."""
    return with_targets(spec, ())


def alone(node: str, like: Sequence[Target]) -> tuple[Target, ...]:
    """Return targets that send all traffic to one node."""
    return (Target(node, FULL, like[0].port if like else None),)


def split(stable: str, canary: str, weight: int, like: Sequence[Target]) -> tuple[Target, ...]:
    """Return targets for a weight in percent: stable first, which tells the two apart later."""
    port = like[0].port if like else None
    return (Target(stable, FULL - weight, port), Target(canary, weight, port))


def percent(found: Sequence[Target]) -> int | None:
    """Return the second one's share in whole percent; None if it is not one of ours."""
    total = sum(target.weight for target in found)
    if not total or len(found) > 2:
        return None
    weight = found[1].weight * FULL if len(found) == 2 else 0
    return None if weight % total else weight // total
