"""Instant queries to Prometheus, or to anything that speaks its HTTP interface (Mimir, Thanos)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.prometheus import promql
from chimera.ports.queries import Answered

PROVIDER = "prometheus"
OPERATION = "query"
TIMEOUT_S = 5.0
MAX_BYTES = 1_000_000
MAX_SERIES = 1_000
_BUSY = {429, 502, 503, 504}


class Prometheus:
    """A QueryProvider. url: where its interface is, without /api; token: sent as a bearer."""

    def __init__(self, url: str = "", token: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._client: httpx.AsyncClient | None = None

    def quote(self, value: str) -> str:
        """Escape a label value: what is in it can never end the quotes."""
        for raw, escaped in (("\\", r"\\"), ('"', r"\""), ("'", r"\'"), ("\n", r"\n")):
            value = value.replace(raw, escaped)
        return value

    async def ask(self, query: str, at: datetime) -> tuple[Answered, ...]:
        """Return the series of an instant query; a scalar is one series without labels."""
        return _series(await self._fetch(query, at))

    def window(self, query: str) -> timedelta:
        """Return 0 for a plain series, else the longest range, at least a minute for a scrape."""
        return promql.window(query)

    async def measured(self, query: str, at: datetime) -> datetime | None:
        """Return when the youngest sample of a plain series was scraped."""
        found = await self.ask(f"timestamp({query})", at)
        return datetime.fromtimestamp(max(one.value for one in found), UTC) if found else None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _fetch(self, query: str, at: datetime) -> dict[str, Any]:
        if not self._url:
            raise _refused("no address is set: start the controller with CHIMERA_PROMETHEUS_URL")
        if self._client is None:
            headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, headers=headers, trust_env=False)
        try:
            asked = {"query": query, "time": f"{at.timestamp():.3f}"}
            async with self._client.stream(
                "POST", f"{self._url}/api/v1/query", data=asked
            ) as answer:
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise _refused(f"the answer exceeds {MAX_BYTES:,} bytes; sum the series")
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise ProviderUnavailable(PROVIDER, OPERATION, reason) from error
        return _checked(status, body)


def _checked(status: int, body: bytes) -> dict[str, Any]:
    """Return the data of an answer, or raise what its status and its words say."""
    try:
        answer = httpx.Response(status, content=body).json()
        said = str(answer.get("error", "")) or f"HTTP {status}"
        good = answer.get("status") == "success" and isinstance(answer.get("data"), dict)
    except (ValueError, AttributeError):
        answer, said, good = {}, f"HTTP {status}, no JSON", False
    if status in _BUSY or (status < 400 and not good):
        raise ProviderUnavailable(PROVIDER, OPERATION, said)
    if status >= 400:
        raise _refused(said)
    data: dict[str, Any] = answer["data"]
    return data


def _series(data: dict[str, Any]) -> tuple[Answered, ...]:
    kind, result = data.get("resultType"), data.get("result", [])
    try:
        if kind == "scalar":
            rows: list[tuple[dict[str, str], Any]] = [({}, result[1])]
        elif kind == "vector":
            rows = [(dict(one["metric"]), one["value"][1]) for one in result]
        else:
            raise _refused(f"the query gives a {kind}, not numbers of this moment; use no range")
        found = [(labels, float(value)) for labels, value in rows]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ProviderUnavailable(PROVIDER, OPERATION, "the answer has no known form") from error
    if len(found) > MAX_SERIES:
        raise _refused(f"the query gives {len(found):,} series; sum them by instance")
    return tuple(Answered(labels, value) for labels, value in found if math.isfinite(value))


def _refused(reason: str) -> ProviderRefused:
    return ProviderRefused(PROVIDER, OPERATION, reason)
