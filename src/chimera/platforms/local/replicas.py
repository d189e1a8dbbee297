"""The processes of all services: remembered before they exist, found again, ended for certain.

A process is known by its pid, start time and boot. Between the record and the start of a process
only its token exists, which it carries in its environment: so a crash in between is found again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from chimera.core.environment import passed_on
from chimera.core.model import Resource, Revision, Service
from chimera.platforms.envoy.proc import ProcessId, identity
from chimera.platforms.local import procfs
from chimera.platforms.local.options import Definition
from chimera.platforms.local.spawn import free_port, spawn
from chimera.ports.inventory import Inventory

KIND = "process"
TOKEN = "CHIMERA_INSTANCE"  # noqa: S105  # the variable's name
PORT = "CHIMERA_PORT"
_KILL_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a revision.

    digest: what it was started from. process: None before it exists.
    """

    token: str
    service: str
    revision: str
    rollout: str
    digest: str
    port: int
    log: Path
    process: ProcessId | None = None

    @property
    def running(self) -> bool:
        """Whether exactly this process runs."""
        return self.process is not None and procfs.is_running(self.process)

    @property
    def resource(self) -> Resource:
        """What the inventory remembers of it."""
        detail: dict[str, Any] = {"digest": self.digest, "port": self.port, "log": str(self.log)}
        if self.process:
            p = self.process
            detail |= {"pid": p.pid, "started": p.started, "boot": p.boot}
        return Resource(KIND, self.token, self.service, self.revision, self.rollout, detail)

    @classmethod
    def of(cls, resource: Resource) -> Replica:
        """Read it back from the inventory."""
        d = resource.detail
        process = ProcessId(d["pid"], d["started"], d["boot"]) if "pid" in d else None
        return cls(
            token=resource.id,
            service=resource.service,
            revision=resource.revision,
            rollout=resource.rollout,
            digest=d["digest"],
            port=d["port"],
            log=Path(d["log"]),
            process=process,
        )


class Replicas:
    """Starts, finds and ends processes; `exits` remembers the codes of those that ended."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.exits: dict[str, int] = {}

    async def find(self, service: str, revision: str = "") -> tuple[Replica, ...]:
        """Return the recorded replicas, dead ones included, oldest first."""
        resources = await self._inventory.find(service=service, revision=revision, kind=KIND)
        found = [await self._completed(Replica.of(resource)) for resource in resources]
        for one in found:
            self.note_exit(one)
        return tuple(found)

    async def adopt(self, service: str, logs: Path, digests: Mapping[str, str]) -> int:
        """Record processes of this folder that the inventory has lost; return how many.

        They tell who they are by their environment, and whose by the log that they write to.
        digests: of the revisions that are known.
        """
        known = {one.id for one in await self._inventory.find(service=service, kind=KIND)}
        adopted = 0
        for pid in procfs.carriers("CHIMERA_SERVICE", service):
            env, process = procfs.variables(pid), identity(pid)
            token, revision = env.get(TOKEN, ""), env.get("CHIMERA_REVISION", "")
            log, port = logs / f"{token[:8]}.log", env.get(PORT, "")
            ours = procfs.output(pid) == str(log) and procfs.leads_session(pid)
            if token in known or not ours or process is None or not port.isdecimal():
                continue
            rollout, digest = env.get("CHIMERA_ROLLOUT", ""), digests.get(revision, "")
            one = Replica(token, service, revision, rollout, digest, int(port), log, process)
            await self._inventory.record(one.resource)
            adopted += 1
        return adopted

    async def start(
        self, service: Service, revision: Revision, rollout: str, logs: Path
    ) -> Replica:
        """Start one more process. Raises ProviderRefused if it cannot be started at all."""
        definition = Definition.of(revision)
        token = uuid.uuid4().hex
        new = Replica(
            token=token,
            service=service.name,
            revision=revision.name,
            rollout=rollout,
            digest=definition.digest,
            port=free_port(),
            log=logs / f"{token[:8]}.log",
        )
        await self._inventory.record(new.resource)
        try:
            # No await between the start and its record, so that no cancellation falls between.
            process = spawn(
                [word.replace("{port}", str(new.port)) for word in definition.command],
                cwd=definition.cwd,
                env=_environment(new, definition.env),
                log=new.log,
            )
        except Exception:
            await self._inventory.forget(KIND, token)
            raise
        new = replace(new, process=process)
        await self._inventory.record(new.resource)
        return new

    async def stop(self, replica: Replica, within: timedelta) -> bool:
        """End a process and all it started: SIGTERM, then SIGKILL after `within`.

        False if something stays alive. Only what carries its identity is touched.
        """
        replica = await self._completed(replica)
        if not (
            await _end(replica, signal.SIGTERM, within)
            or await _end(replica, signal.SIGKILL, _KILL_WITHIN)
        ):
            return False
        if replica.process:
            procfs.reap(replica.process.pid)
        self.exits.pop(replica.token, None)
        await self._inventory.forget(KIND, replica.token)
        return True

    def note_exit(self, replica: Replica) -> None:
        """Remember how a replica ended, if it has and was a child of this process."""
        if replica.process is None or replica.running:
            return
        code = procfs.exit_code(replica.process.pid)
        if code is not None:
            self.exits[replica.token] = code
            procfs.reap(replica.process.pid)

    async def _completed(self, replica: Replica) -> Replica:
        """Find the process of a record that was written before its process was started."""
        if replica.process is not None:
            return replica
        for pid in procfs.carriers(TOKEN, replica.token):
            process = identity(pid)
            if process is not None:
                replica = replace(replica, process=process)
                await self._inventory.record(replica.resource)
                return replica
        return replica


def _environment(replica: Replica, extra: Mapping[str, str]) -> dict[str, str]:
    port = str(replica.port)
    return {
        **passed_on(os.environ),
        "PORT": port,
        **{name: value.replace("{port}", port) for name, value in extra.items()},
        "CHIMERA_SERVICE": replica.service,
        "CHIMERA_REVISION": replica.revision,
        "CHIMERA_ROLLOUT": replica.rollout,
        PORT: port,
        TOKEN: replica.token,
    }


def members(replica: Replica) -> tuple[ProcessId, ...]:
    """Return the live processes of a replica: its session, and whoever carries its token."""
    pids = set(procfs.carriers(TOKEN, replica.token))
    if replica.running and replica.process:
        pids.update(procfs.session(replica.process.pid))
    known = (identity(pid) for pid in pids)
    return tuple(one for one in known if one is not None and procfs.is_running(one))


def _signal(processes: Iterable[ProcessId], number: signal.Signals) -> None:
    """Signal each process through a handle that cannot come to mean another one."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            handle = os.pidfd_open(process.pid)
            try:
                if procfs.is_running(process):
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


async def _end(replica: Replica, number: signal.Signals, within: timedelta) -> bool:
    """Signal all members and wait for them, and for those they started meanwhile."""
    deadline = time.monotonic() + within.total_seconds()
    while alive := members(replica):
        _signal(alive, number)
        while any(procfs.is_running(process) for process in alive):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
    return True
