"""A platform and a ledger in files, so that they outlive a process that is killed at any moment.

One JSON file is the infrastructure: routes with a lease, revisions, counters. Every change of it is
one locked write, and a line in `writes`, so that a test can see what was done twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter

from chimera.core.errors import ProviderRefused
from chimera.core.model import (
    Change,
    Fence,
    Readiness,
    Reading,
    Resource,
    Revision,
    Sample,
    Service,
    Split,
)
from chimera.core.plan import Rollout
from chimera.ports.ledger import Entry, LookRecord
from chimera.ports.platform import Check, Platform

NOTHING: dict[str, Any] = {
    "stable": "",
    "canary": "",
    "weight": 0,
    "lease_until": 0.0,
    "settled": 0.0,
    "revisions": {},
    "fences": {},
    "writes": [],
}
ENTRY = TypeAdapter(Entry)


class FileWorld:
    """All ports of a platform over one file. errors: by revision, the share that fails."""

    name = "file"
    options: type[BaseModel] = BaseModel
    leased = True
    min_interval_s = 0.05

    def __init__(self, folder: Path, errors: dict[str, float], rate: float = 2000) -> None:
        self._file = folder / "world.json"
        self._lock = folder / "world.lock"
        self._errors = errors
        self._rate = rate

    @property
    def platform(self) -> Platform:
        """Itself, as the port."""
        return cast("Platform", self)

    @property
    def orchestrator(self) -> FileWorld:
        return self

    @property
    def router(self) -> FileWorld:
        return self

    @property
    def metrics(self) -> _Metrics:
        return _Metrics(self)

    @contextmanager
    def opened(self) -> Iterator[dict[str, Any]]:
        """The world as it is now; what the block changes is written whole or not at all."""
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = self._file.read_text() if self._file.exists() else ""
            world = json.loads(text) if text else json.loads(json.dumps(NOTHING))
            self._settle(world)
            yield world
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(world))
            fresh.replace(self._file)

    def _settle(self, world: dict[str, Any]) -> None:
        now = time.time()
        passed, world["settled"] = now - (world["settled"] or now), now
        if world["weight"] and world["lease_until"] < now:
            world["weight"] = 0
            world["writes"].append("lease ran out")
        for name, weight in (
            (world["stable"], 100 - world["weight"]),
            (world["canary"], world["weight"]),
        ):
            if name in world["revisions"]:
                world["revisions"][name]["requests"] += self._rate * passed * weight / 100

    def _pass(self, world: dict[str, Any], fence: Fence) -> None:
        if fence.generation < world["fences"].get(fence.rollout, 0):
            raise ProviderRefused("file", "write", "overtaken")
        world["fences"][fence.rollout] = fence.generation

    async def stable(self, service: Service) -> Revision | None:
        with self.opened() as world:
            return Revision(world["stable"]) if world["stable"] else None

    async def plan(self, service: Service, canary: Revision) -> tuple[Change, ...]:
        return ()

    async def install(self, service: Service, revision: Revision, fence: Fence) -> None:
        with self.opened() as world:
            world["revisions"][revision.name] = {"requests": 0}
            world["stable"] = revision.name

    async def start(
        self, service: Service, canary: Revision, replicas: int | None, fence: Fence
    ) -> tuple[Resource, ...]:
        with self.opened() as world:
            self._pass(world, fence)
            if canary.name not in world["revisions"]:
                world["revisions"][canary.name] = {"requests": 0}
                world["writes"].append(f"start {canary.name}")
        return (self._resource(service, canary, fence),)

    async def readiness(self, service: Service, revision: Revision) -> Readiness:
        with self.opened() as world:
            return Readiness(int(revision.name in world["revisions"]), 1)

    async def scale_to_stable(self, service: Service, canary: Revision, fence: Fence) -> None:
        with self.opened() as world:
            self._pass(world, fence)

    async def remove(
        self, service: Service, revision: Revision, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        with self.opened() as world:
            self._pass(world, fence)
            if revision.name in (world["stable"], world["weight"] and world["canary"]):
                raise ProviderRefused("file", "remove", "it has traffic")
            if world["revisions"].pop(revision.name, None) is not None:
                world["writes"].append(f"remove {revision.name}")
        return (self._resource(service, revision, fence),), ()

    async def uninstall(self, service: Service, fence: Fence | None = None) -> tuple[Resource, ...]:
        raise NotImplementedError

    @staticmethod
    def _resource(service: Service, revision: Revision, fence: Fence) -> Resource:
        return Resource("fake", revision.name, service.name, revision.name, fence.rollout)

    async def read(self, service: Service) -> Split:
        with self.opened() as world:
            return self._split(world)

    @staticmethod
    def _split(world: dict[str, Any]) -> Split:
        return Split(world["stable"], world["canary"], world["weight"])

    async def set_weights(
        self, service: Service, split: Split, fence: Fence, lease: timedelta
    ) -> None:
        with self.opened() as world:
            self._pass(world, fence)
            if (world["canary"], world["weight"]) != (split.canary, split.weight):
                world["writes"].append(f"weight {split.weight}")
            world["canary"], world["weight"] = split.canary, split.weight
            world["lease_until"] = time.time() + lease.total_seconds()

    async def renew(self, service: Service, split: Split, fence: Fence, lease: timedelta) -> Split:
        with self.opened() as world:
            self._pass(world, fence)
            if self._split(world) == split:
                world["lease_until"] = time.time() + lease.total_seconds()
            return self._split(world)

    async def commit(
        self, service: Service, old: Revision, new: Revision, fence: Fence, lease: timedelta
    ) -> None:
        with self.opened() as world:
            self._pass(world, fence)
            if world["stable"] != new.name:
                world["writes"].append(f"commit {new.name}")
            world.update(stable=new.name, canary="", weight=0)

    async def restore(
        self, service: Service, stable: Revision, canary: Revision, fence: Fence
    ) -> None:
        with self.opened() as world:
            self._pass(world, fence)
            if world["weight"] or world["stable"] != stable.name:
                world["writes"].append("restore")
            world.update(stable=stable.name, weight=0)

    async def drain(
        self, service: Service, revision: Revision, fence: Fence, timeout: timedelta
    ) -> int:
        with self.opened() as world:
            self._pass(world, fence)
            if world["canary"] == revision.name:
                world["canary"] = ""
        return 0

    def sample(self, world: dict[str, Any], revision: Revision) -> tuple[Sample, ...]:
        """The counters of one revision."""
        known = world["revisions"].get(revision.name)
        if known is None:
            return ()
        requests = int(known["requests"])
        return (
            Sample(revision.name, requests, int(requests * self._errors.get(revision.name, 0))),
        )

    async def doctor(self) -> Sequence[Check]:
        return ()


class _Metrics:
    """The port `MetricSource`: its `read` has another form than the router's."""

    min_interval_s = 0.05

    def __init__(self, world: FileWorld) -> None:
        self._world = world

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        with self._world.opened() as world:
            return Reading(
                datetime.now(UTC),
                self._world.sample(world, canary),
                self._world.sample(world, stable),
            )


class FileLedger:
    """A ledger of one line per entry."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ledger.jsonl"
        self._looks = folder / "looks.txt"

    async def open_rollout(self, rollout: Rollout, at: datetime) -> None:
        return None

    async def append(self, rollout: str, entries: tuple[Entry, ...]) -> None:
        with self._file.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            known = len(self.entries())
            for entry in entries:
                assert entry.seq <= known + 1, "an entry was left out"
                if entry.seq == known + 1:
                    file.write(ENTRY.dump_json(entry) + b"\n")
                    known += 1

    async def append_look(self, rollout: str, record: LookRecord) -> None:
        with self._looks.open("a") as file:
            file.write(f"{record.generation} {record.number} {os.getpid()}\n")

    def held(self, service: str, holder: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def last_look(self, rollout: str) -> LookRecord | None:
        return None

    def looks(self) -> list[tuple[int, int, int]]:
        """All looks, in the order of writing: generation, number, and the writer's process id."""
        text = self._looks.read_text() if self._looks.exists() else ""
        return [cast("tuple[int, int, int]", tuple(map(int, s.split()))) for s in text.splitlines()]

    def entries(self) -> list[Entry]:
        """All entries, in order."""
        text = self._file.read_bytes() if self._file.exists() else b""
        return [ENTRY.validate_json(line) for line in text.splitlines()]
