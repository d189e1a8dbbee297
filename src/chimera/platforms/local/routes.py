"""Read a route file back: who gets what by it, whoever wrote it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shares:
    """Weights by cluster in the order of the file; runtime keys under `prefix` go before them."""

    weights: Mapping[str, int]
    prefix: str = ""
    version: str = ""

    def with_runtime(self, runtime: Mapping[str, str]) -> dict[str, int]:
        """Return the weights as Envoy applies them with these runtime values."""
        if not self.prefix:
            return dict(self.weights)
        return {
            name: _whole(runtime.get(f"{self.prefix}.{name}"), weight)
            for name, weight in self.weights.items()
        }


def read_shares(text: str) -> Shares | None:
    """Read the last, catch-all route of a route file; None if the file is not one."""
    try:
        body = json.loads(text)
        route = body["resources"][0]["virtual_hosts"][0]["routes"][-1]["route"]
        version = str(body.get("version_info", ""))
        if "cluster" in route:
            return Shares({str(route["cluster"]): 1}, version=version)
        split = route["weighted_clusters"]
        weights = {str(c["name"]): int(c.get("weight", 0)) for c in split["clusters"]}
        return Shares(weights, str(split.get("runtime_key_prefix", "")), version)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def percent(share: int, weights: Mapping[str, int]) -> int:
    """Return a share of all weights as a whole percentage; never 0 for what gets something."""
    total = sum(weights.values())
    if not total or not share:
        return 0
    return max(1, min(round(100 * share / total), 100 if share == total else 99))


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default
