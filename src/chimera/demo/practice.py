"""The practice service of the page: the logo, behind a real Envoy, with real requests.

It is an ordinary service of the local platform: installed, deployed and removed like every other.
Only its requests are special: this process sends them, for as long as the service runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from chimera.app.operations import Chimera
from chimera.app.reports import RolloutView, Sweep
from chimera.core.errors import ChimeraError, RequestRefused, RolloutNotFound
from chimera.core.state import Phase
from chimera.demo.load import Load
from chimera.demo.logospec import logo_spec
from chimera.demo.place import end_rollout
from chimera.platforms.local.spawn import free_port

log = logging.getLogger(__name__)

SERVICE = "practice-logo"
RATE = 100.0
RULES = """\
strategy: fast
errorRate: 1%
latencyP95: 300ms
scaleDownDelay: 30s
"""
VERSIONS = {
    "1": "black and white",
    "2": "in colour; a good version",
    "3": "blockchain edition; one request in ten fails",
}


class Practice:
    """Keeps the practice service's requests coming, in this process."""

    def __init__(self, chimera: Chimera) -> None:
        self._chimera = chimera
        self._sending: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def requests(self) -> bool:
        """Whether this process sends it requests."""
        return self._sending is not None and not self._sending.done()

    async def begin(self, by: str) -> str:
        """Install version 1 unless the service runs, send it requests; return the rollout's id.

        The id is that of the installation, or of the service's latest rollout.
        """
        async with self._lock:
            last = await self._last()
            if last is None or last.state.phase in {Phase.ROLLED_BACK, Phase.ABORTED}:
                last = await self._install(by, last)
            self._send(_port(last))
            return last.rollout.id

    async def resume(self) -> None:
        """Send requests again to a service that an earlier process has installed."""
        with contextlib.suppress(ChimeraError):
            if (last := await self._last()) is not None and await self._runs():
                self._send(_port(last))

    async def end(self) -> Sweep:
        """End what is under way, and remove the service with all that runs for it."""
        async with self._lock:
            await end_rollout(self._chimera, SERVICE)
            swept = await self._chimera.down(SERVICE)
            await self.close()
            return swept

    async def close(self) -> None:
        """Send nothing more; the service stays as it is."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None

    async def _install(self, by: str, last: RolloutView | None) -> RolloutView:
        port = _port(last) if last is not None else free_port()
        spec = self._chimera.parse_spec(spec_text(port))
        try:
            rollout = await self._chimera.deploy(spec, version="1", by=by)
        except RequestRefused:  # it runs already
            if last is None:
                raise
            return last
        return await self._chimera.status(rollout.id)

    async def _last(self) -> RolloutView | None:
        try:
            return next(iter(await self._chimera.history(service=SERVICE, limit=1)), None)
        except RolloutNotFound:
            return None

    async def _runs(self) -> bool:
        return any(one.name == SERVICE and one.stable for one in await self._chimera.services())

    def _send(self, port: int) -> None:
        if not self.requests:
            self._sending = asyncio.create_task(_send(port), name="practice requests")


def spec_text(port: int) -> str:
    """Return the practice service's spec for a front port."""
    return logo_spec(port, RULES, service=SERVICE)


def _port(view: RolloutView) -> int:
    port: int = view.rollout.service.settings["port"]
    return port


async def _send(port: int) -> None:
    async with Load(port, rate=RATE) as load:
        log.info("practice.requests", extra={"port": port, "rate": RATE})
        while True:
            await asyncio.sleep(60)
            load.tally.failures.clear()  # what was counted is not asked for; keep it small
            load.tally.latencies_ms.clear()
