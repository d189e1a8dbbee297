"""Read one Envoy back over its admin socket. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.envoy.model import check_name
from chimera.platforms.envoy.stats import (
    ClusterCounters,
    Latency,
    StatValue,
    cluster_counters,
    counters_filter,
    parse,
)

_GATHER_S = 0.01
ANSWER_WITHIN = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Membership:
    """A cluster as Envoy sees it now: replicas, those it would send to, requests under way."""

    total: int
    healthy: int
    active: int


class AdminClient:
    """Ask the Envoy behind `socket`; every method raises ProviderUnavailable when it is silent."""

    def __init__(self, socket: Path, *, within: timedelta = ANSWER_WITHIN) -> None:
        import httpx  # heavy, and whoever only reads records asks no Envoy

        self._socket = socket
        # A kept connection would outlive the Envoy behind it and fail the first call to the next.
        limits = httpx.Limits(max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(uds=str(socket), verify=False, limits=limits)
        self._http = httpx.AsyncClient(
            transport=transport, base_url="http://envoy", timeout=within.total_seconds()
        )

    async def __aenter__(self) -> AdminClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Release the client."""
        await self._http.aclose()

    async def ready(self) -> bool:
        """Tell whether Envoy is live; False also when it does not answer."""
        with suppress(ProviderUnavailable):
            return (await self._get("check readiness", "/ready")).startswith("LIVE")
        return False

    async def stats(self, pattern: str) -> dict[str, StatValue]:
        """Return counters and gauges (int) and texts (str) whose names match an expression."""
        return (await self._stats("read statistics", pattern))[0]

    async def runtime(self) -> dict[str, str]:
        """Return the runtime values in effect now, by key; empty = no lease, all on stable."""
        answer = json.loads(await self._get("read back weights", "/runtime"))
        return {key: entry["final_value"] for key, entry in answer["entries"].items()}

    async def membership(self, cluster: str) -> Membership | None:
        """Return a cluster's replicas, None for one that Envoy does not have."""
        prefix = f"cluster.{check_name('cluster', cluster)}."
        found = await self.stats(
            rf"^cluster\.{cluster}\.(membership_total|membership_healthy|upstream_rq_active)$"
        )
        if f"{prefix}membership_total" not in found:
            return None
        return Membership(
            total=int(found[f"{prefix}membership_total"]),
            healthy=int(found[f"{prefix}membership_healthy"]),
            active=int(found[f"{prefix}upstream_rq_active"]),
        )

    async def counters(self, clusters: Sequence[str]) -> dict[str, ClusterCounters]:
        """Return the cumulative counters of these clusters, all read in one moment.

        They start from 0 with each Envoy: a count that fell means that Envoy was restarted.
        """
        names = [check_name("cluster", name) for name in clusters]
        # Asking makes Envoy gather its workers' histograms, but it answers before it has them.
        await self._stats("read counters", "^$")
        await asyncio.sleep(_GATHER_S)
        values, histograms = await self._stats("read counters", counters_filter(names))
        return {name: cluster_counters(name, values, histograms) for name in names}

    async def _stats(
        self, what: str, pattern: str
    ) -> tuple[dict[str, StatValue], dict[str, Latency]]:
        query = {"format": "json", "filter": pattern, "histogram_buckets": "cumulative"}
        return parse(await self._get(what, "/stats", query))

    async def _get(self, what: str, path: str, query: dict[str, str] | None = None) -> str:
        import httpx

        try:
            response = await self._http.get(path, params=query)
        except httpx.TransportError as error:
            reason = f"no answer on {self._socket} ({str(error) or type(error).__name__})"
            raise ProviderUnavailable("envoy", what, reason) from error
        if response.status_code >= 500:
            raise ProviderUnavailable("envoy", what, response.text.strip() or "not ready")
        if response.status_code != 200:
            raise ProviderRefused("envoy", what, f"{response.status_code}: {response.text.strip()}")
        return response.text
