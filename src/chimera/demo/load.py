"""Real load on a port: at a constant rate in the background, or a number of requests at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from chimera.demo.http import BrokenResponse, Client, Response

REVISION_HEADER = "x-chimera-revision"


@dataclass(slots=True)
class Tally:
    """What users met. `failures` are the failed requests in words: 4xx, 5xx, broken, refused.

    A 4xx too: that no route is found is the fault of whoever made the routes.
    """

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)  # x-chimera-revision, else x-version
    failures: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    last_seen: dict[str, float] = field(default_factory=dict)  # revision -> loop time

    @property
    def answered(self) -> int:
        """Answers that came whole, whatever their status."""
        return self.statuses.total()

    def answer(self, response: Response, latency_ms: float, now: float) -> None:
        """Count one answer."""
        headers = response.headers
        revision = headers.get(REVISION_HEADER) or headers.get("x-version", "")
        self.statuses[response.status] += 1
        self.revisions[revision] += 1
        self.last_seen[revision] = now
        self.latencies_ms.append(latency_ms)
        if response.status >= 400:
            self.failures.append(f"{response.status} from '{revision}': {response.body[:80]!r}")


async def _one(client: Client, tally: Tally, path: str, headers: Mapping[str, str]) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    tally.sent += 1
    try:
        response = await client.get(path, headers)
    except (BrokenResponse, OSError) as error:
        tally.failures.append(repr(error))
        return
    now = loop.time()
    tally.answer(response, (now - begun) * 1000, now)


async def burst(
    port: int,
    requests: int,
    *,
    concurrency: int = 16,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> Tally:
    """Send this many requests as fast as `concurrency` connections allow."""
    tally, client = Tally(), Client(port)

    async def work() -> None:
        while tally.sent < requests:
            await _one(client, tally, path, headers or {})

    try:
        await asyncio.gather(*(work() for _ in range(concurrency)))
    finally:
        await client.close()
    return tally


class Load:
    """Send `rate` requests a second in the background until left; `tally` is live.

    The rate holds however slow the answers are (an open loop), so slow services pile requests up.
    Leaving waits for the requests in flight, at most `patience_s`; later ones count as failures.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        rate: float = 200.0,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        patience_s: float = 10.0,
    ) -> None:
        self.tally = Tally()
        self._client = Client(port, host)
        self._interval = 1.0 / rate
        self._path = path
        self._headers = headers or {}
        self._patience_s = patience_s
        self._flying: set[asyncio.Task[None]] = set()
        self._pacer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._pacer = asyncio.create_task(self._pace())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pacer is not None:
            self._pacer.cancel()
            await asyncio.gather(self._pacer, return_exceptions=True)
        if self._flying:
            _, late = await asyncio.wait(self._flying, timeout=self._patience_s)
            for task in late:
                task.cancel()
                self.tally.failures.append(f"no answer in {self._patience_s:g} s")
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.close()

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            while due <= loop.time():
                task = asyncio.create_task(
                    _one(self._client, self.tally, self._path, self._headers)
                )
                self._flying.add(task)
                task.add_done_callback(self._flying.discard)
                due += self._interval
            await asyncio.sleep(max(0.001, due - loop.time()))
