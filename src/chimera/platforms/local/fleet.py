"""A version's replicas: enough of them, all answering, or the reason why not."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from chimera.core.errors import ProviderRefused
from chimera.core.model import Readiness, Revision, Service
from chimera.platforms.local import procfs
from chimera.platforms.local.options import Definition
from chimera.platforms.local.probe import probe
from chimera.platforms.local.record import Records
from chimera.platforms.local.replicas import Replica, Replicas, members
from chimera.platforms.local.spawn import forget_logs, last_lines

_POLL_S = 0.05
_PORT_ATTEMPTS = 3
_KEPT_LOGS = 20  # of replicas that are gone, to see why they went


class Fleet:
    """Brings a revision's replicas up to a number and says how they are."""

    def __init__(self, replicas: Replicas, records: Records) -> None:
        self._replicas = replicas
        self._records = records
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._working: dict[tuple[str, str], asyncio.Task[tuple[Replica, ...]]] = {}

    async def ensure(
        self,
        service: Service,
        revision: Revision,
        wanted: int,
        rollout: str,
        *,
        still: Callable[[], bool] = lambda: True,
    ) -> tuple[Replica, ...]:
        """Start what is missing of `wanted` replicas; return all once every one answers.

        Dead ones and those of an older definition are replaced. One call at a time works on a
        revision; a later one asks first whether `still` holds. Raises ProviderRefused.
        """
        async with self._locks[service.name, revision.name]:
            if not still():
                return ()
            work = asyncio.create_task(self._ensure(service, revision, wanted, rollout))
            self._working[service.name, revision.name] = work
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                if not work.cancelled():  # it is the caller who was cancelled
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)
                    raise
                reason = "it is being removed"
                raise ProviderRefused("local", f"start {revision.name}", reason) from None
            finally:
                del self._working[service.name, revision.name]

    async def dismiss(self, service: str, revision: str = "") -> None:
        """Stop the work on starting replicas of a revision, of all revisions if it is ""."""
        works = [
            work
            for (one, name), work in self._working.items()
            if one == service and revision in ("", name)
        ]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    async def _ensure(
        self, service: Service, revision: Revision, wanted: int, rollout: str
    ) -> tuple[Replica, ...]:
        definition = Definition.of(revision)
        ready: list[Replica] = []
        for one in await self._replicas.find(service.name, revision.name):
            if one.running and one.digest == definition.digest:
                ready.append(one)
            else:
                await self._replicas.stop(one, definition.stop_timeout)
        missing = max(0, wanted - len(ready))
        tasks = [asyncio.create_task(self._wait(one, definition)) for one in ready]
        tasks += [
            asyncio.create_task(self._start(service, revision, rollout)) for _ in range(missing)
        ]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def readiness(self, service: str, revision: Revision, wanted: int) -> Readiness:
        """Ask every replica now."""
        definition = Definition.of(revision)
        found = await self._replicas.find(service, revision.name)
        answers = await asyncio.gather(*(self._ask(one, definition) for one in found))
        bad = [
            f"replica on port {one.port}: {answer}"
            for one, answer in zip(found, answers, strict=True)
            if answer
        ]
        if len(found) < wanted:
            bad.append(f"{wanted - len(found)} of {wanted} replicas do not exist")
        return Readiness(answers.count(""), wanted, "; ".join(bad))

    def death(self, replica: Replica) -> str:
        """Say how a replica ended, with its last words."""
        code = self._replicas.exits.get(replica.token)
        how = "ended" if code is None else f"ended with code {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code}"
        words = last_lines(replica.log)
        return f"{how}; its last lines: {words}" if words else f"{how} without a word"

    async def _ask(self, replica: Replica, definition: Definition) -> str:
        if not replica.running:
            return self.death(replica)
        return await probe(replica.port, definition.health)

    async def _start(self, service: Service, revision: Revision, rollout: str) -> Replica:
        """Start one replica, on another port if somebody was faster to take the chosen one."""
        definition = Definition.of(revision)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            logs = self._records.logs(service.name)
            written = {one.log for one in await self._replicas.find(service.name)}
            forget_logs(logs, written, keep=_KEPT_LOGS)
            new = await self._replicas.start(service, revision, rollout, logs)
            try:
                return await self._wait(new, definition)
            except ProviderRefused:
                if attempt == _PORT_ATTEMPTS or not _lost_its_port(new):
                    raise
                await self._replicas.stop(new, definition.stop_timeout)
        raise AssertionError("the last attempt returns or raises")

    async def _wait(self, replica: Replica, definition: Definition) -> Replica:
        deadline = time.monotonic() + definition.start_timeout.total_seconds()
        while True:
            left = deadline - time.monotonic()
            within = timedelta(seconds=max(0.1, min(2.0, left)))
            answer = await probe(replica.port, definition.health, within=within)
            if not replica.running:
                self._replicas.note_exit(replica)
                raise _refused(replica, definition, f"a replica {self.death(replica)}")
            if not answer and not _lost_its_port(replica):
                return replica
            if time.monotonic() > deadline:
                reason = answer or f"another program answers on its port {replica.port}"
                raise _refused(replica, definition, self._not_ready(replica, definition, reason))
            await asyncio.sleep(_POLL_S)

    def _not_ready(self, replica: Replica, definition: Definition, answer: str) -> str:
        seconds = f"{definition.start_timeout.total_seconds():g}"
        reason = f"not healthy within {seconds} s: GET {definition.health}: {answer}"
        elsewhere = procfs.listening_ports(process.pid for process in members(replica))
        if elsewhere - {replica.port}:
            ports = ", ".join(str(port) for port in sorted(elsewhere - {replica.port}))
            reason += f"; it listens on {ports} instead of {{port}} = {replica.port}"
        words = last_lines(replica.log)
        return f"{reason}; its last lines: {words}" if words else reason


def _refused(replica: Replica, definition: Definition, reason: str) -> ProviderRefused:
    command = shlex.join(word.replace("{port}", str(replica.port)) for word in definition.command)
    hint = f"try it by hand: cd {shlex.quote(definition.cwd)} && {command}"
    return ProviderRefused("local", f"start {replica.revision}", reason, hint=hint)


def _lost_its_port(replica: Replica) -> bool:
    """Tell whether the port belongs to a program that was there before the replica."""
    if replica.process is None:
        return False
    if not replica.running:
        return procfs.is_taken(replica.port)
    mine = set(members(replica))
    started = replica.process.started
    return any(p not in mine and p.started < started for p in procfs.listeners(replica.port))
