"""Bring back what died: Envoy at once, replicas that serve by default with growing patience.

A canary's replica is left dead on purpose: its death is what the rollout wants to know.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from chimera.core.errors import ChimeraError
from chimera.platforms.envoy.proc import ProcessId
from chimera.platforms.envoy.process import last_words, read_tail
from chimera.platforms.local.fleet import Fleet
from chimera.platforms.local.fronts import Fronts
from chimera.platforms.local.procfs import is_running
from chimera.platforms.local.record import Record, Records
from chimera.platforms.local.replicas import Replicas
from chimera.platforms.local.spawn import bound_log

log = logging.getLogger(__name__)

BEAT = timedelta(milliseconds=250)
_LONGEST_WAIT_S = 30.0
_CALM_S = 60.0
_THOROUGH_S = 5.0
_AFTER_FAILURE_S = 1.0
_LOG_LIMIT = 20_000_000


@dataclass(slots=True)
class _Patience:
    """When a thing may be started again: at once, then later each time, until it was calm."""

    failures: int = 0
    not_before: float = 0.0

    def allows(self, now: float) -> bool:
        if now - self.not_before > _CALM_S:
            self.failures = 0
        return now >= self.not_before

    def wait(self, now: float) -> None:
        self.not_before = now + min(_LONGEST_WAIT_S, 0.5 * 2.0**self.failures)
        self.failures += 1


@dataclass(frozen=True, slots=True)
class _Well:
    """What a service needed at the last thorough look; `until` when to look again anyway."""

    stamp: int
    until: float
    needed: tuple[ProcessId | None, ...]

    def holds(self) -> bool:
        return all(one is not None and is_running(one) for one in self.needed)


class Keeper:
    """Watches all services of one folder while its controller lives."""

    def __init__(self, records: Records, replicas: Replicas, fleet: Fleet, fronts: Fronts) -> None:
        self._records = records
        self._replicas = replicas
        self._fleet = fleet
        self._fronts = fronts
        self._patience: dict[tuple[str, str], _Patience] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._well: dict[str, _Well] = {}

    async def run(self) -> None:
        """Watch until cancelled; a service that cannot be helped does not stop the others."""
        try:
            while True:
                for name in self._records.names():
                    running = self._tasks.get(name)
                    if running is None or running.done():
                        self._tasks[name] = asyncio.create_task(self._guarded(name))
                await asyncio.sleep(BEAT.total_seconds())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def look(self, service: str) -> None:
        """Look after one service once; thoroughly, unless all it needs was there and still is."""
        stamp, now = self._records.stamp(service), time.monotonic()
        well = self._well.pop(service, None)
        if well and well.stamp == stamp and well.until > now and well.holds():
            self._well[service] = well
            return
        record = self._records.load(service)
        if record is None or not record.serving:
            return
        await self._keep_envoy(record)
        kept = [name for name in record.routed if name != record.canary]
        for revision in kept:
            await self._keep_replicas(record, revision)
        replicas = await self._replicas.find(service)
        for one in replicas:
            bound_log(one.log, _LOG_LIMIT)
        bound_log(self._fronts.envoy(service).layout.log, _LOG_LIMIT)
        needed = [await self._fronts.running(service)]
        needed += [one.process for one in replicas if one.revision in kept]
        self._well[service] = _Well(stamp, now + _THOROUGH_S, tuple(needed))

    async def _guarded(self, service: str) -> None:
        try:
            await self.look(service)
        except ChimeraError as error:
            fields = {"service": service, "reason": str(error), "hint": error.hint}
            log.error("local.keeper.failed", extra=fields)
            await asyncio.sleep(_AFTER_FAILURE_S)
        except Exception:
            log.exception("local.keeper.failed", extra={"service": service})
            await asyncio.sleep(_AFTER_FAILURE_S)

    async def _keep_envoy(self, record: Record) -> None:
        service = record.service.name
        if await self._fronts.running(service) is not None or not self._may(service, "envoy"):
            return
        async with self._fronts.lock(service):
            current = self._records.load(service)
            if (
                current is None
                or not current.serving
                or await self._fronts.running(service) is not None
            ):
                return
            self._wait(service, "envoy")
            words = last_words(read_tail(self._fronts.envoy(service).layout.log))
            await self._fronts.ensure(current)
        reason = f"Envoy was not running; started again with all traffic on {current.stable}"
        log.warning(
            "local.envoy.restarted",
            extra={"service": service, "reason": reason, "last_words": words},
        )

    async def _keep_replicas(self, record: Record, revision: str) -> None:
        service, wanted = record.service.name, record.wanted.get(revision, 0)
        found = await self._replicas.find(service, revision)
        dead = [one for one in found if not one.running]
        if (not dead and len(found) >= wanted) or not self._may(service, revision):
            return
        self._wait(service, revision)
        reason = "; ".join(self._fleet.death(one) for one in dead) or "replicas were missing"
        fields = {"service": service, "revision": revision, "reason": reason}
        log.warning("local.replica.restarted", extra=fields)

        def still() -> bool:
            now = self._records.load(service)
            return now is not None and now.serving and revision in now.routed

        definition, rollout = record.revisions[revision], found[0].rollout if found else ""
        try:
            await self._fleet.ensure(record.service, definition, wanted, rollout, still=still)
        except ChimeraError:
            if still():
                raise
        finally:  # what did start gets its share
            async with self._fronts.lock(service):
                current = self._records.load(service)
                if current is not None and still():
                    await self._fronts.apply(current)

    def _may(self, service: str, what: str) -> bool:
        patience = self._patience.setdefault((service, what), _Patience())
        return patience.allows(time.monotonic())

    def _wait(self, service: str, what: str) -> None:
        self._patience[service, what].wait(time.monotonic())
