"""What exists in one range: plain records in the shapes that AWS answers with, by region.

Keys that begin with "_" are the range's own; the wire drops them, since no shape has them.
"""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from chimera.sandbox.metrics import Metrics
from chimera.sandbox.options import Options
from chimera.sandbox.permissions import Permissions
from chimera.sandbox.sessions import Sessions

Json = dict[str, Any]


@dataclass(slots=True)
class Ecs:
    """Clusters by name, services by (cluster, name), tasks by ARN, definitions by family."""

    clusters: dict[str, Json] = field(default_factory=dict)
    services: dict[tuple[str, str], Json] = field(default_factory=dict)
    tasks: dict[str, Json] = field(default_factory=dict)
    families: dict[str, dict[int, Json]] = field(default_factory=dict)


@dataclass(slots=True)
class Mesh:
    """App Mesh: each resource by its kind and the names on the way to it."""

    resources: dict[tuple[str, ...], Json] = field(default_factory=dict)
    tokens: dict[str, tuple[Any, Json]] = field(default_factory=dict)


@dataclass(slots=True)
class CloudMap:
    """Namespaces and services by id, instances by (service, id), operations by id."""

    namespaces: dict[str, Json] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)
    instances: dict[tuple[str, str], Json] = field(default_factory=dict)
    operations: dict[str, Json] = field(default_factory=dict)
    tags: dict[str, list[Json]] = field(default_factory=dict)


@dataclass(slots=True)
class Scaling:
    """Scalable targets by (resource, dimension), what they have by (resource, dimension, name)."""

    targets: dict[tuple[str, str], Json] = field(default_factory=dict)
    policies: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    actions: dict[tuple[str, str, str], Json] = field(default_factory=dict)


@dataclass(slots=True)
class Region:
    """One region: what stands in it, and what its load balancers think of their targets.

    target_health: (target group ARN, address, port) -> (state, reason); a target that is absent
    has not been looked at yet.
    """

    name: str
    ecs: Ecs = field(default_factory=Ecs)
    mesh: Mesh = field(default_factory=Mesh)
    cloudmap: CloudMap = field(default_factory=CloudMap)
    scaling: Scaling = field(default_factory=Scaling)
    metrics: Metrics = field(default_factory=Metrics)
    target_health: dict[tuple[str, str, int], tuple[str, str]] = field(default_factory=dict)


class World:
    """The state of one range; hold `lock` while reading or changing more than one field."""

    def __init__(self, account: str, options: Options) -> None:
        self.account = account
        self.options = options
        self.lock = threading.RLock()
        self.regions: dict[str, Region] = {}
        self._past: dict[str, list[tuple[float, Region]]] = {}
        self.keep_past = False
        self.permissions = Permissions()
        self.sessions = Sessions()

    def region(self, name: str) -> Region:
        """Return a region, empty at its first use."""
        with self.lock:
            return self.regions.setdefault(name, Region(name))

    def remember(self, name: str) -> None:
        """Keep a region as it is now, before a write; only while somebody reads stale."""
        if not self.keep_past:
            return
        now = self.region(name)
        copied = copy.deepcopy((now.ecs, now.mesh, now.cloudmap, now.scaling))
        past = Region(name, *copied, metrics=now.metrics, target_health=now.target_health)
        kept = self._past.setdefault(name, [])
        kept.append((time.monotonic(), past))
        del kept[:-100]

    def as_of(self, name: str, age_s: float) -> Region:
        """Return the region as it was `age_s` ago, or as it is if nothing was written since."""
        since = time.monotonic() - age_s
        later = [past for written, past in self._past.get(name, ()) if written > since]
        return later[0] if later else self.region(name)

    def arn(self, service: str, region: str, rest: str) -> str:
        """Build a name of this account."""
        return f"arn:aws:{service}:{region}:{self.account}:{rest}"
