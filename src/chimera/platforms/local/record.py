"""What each service is made of: one durable file per service, which survives any crash."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from chimera.core.errors import ProviderRefused
from chimera.core.model import Revision, Service
from chimera.platforms.envoy.files import write_atomic

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,46}")
_DIGESTED = re.compile(r".*-[0-9a-f]{8}")


def slug(name: str) -> str:
    """Make a revision's name one that Envoy takes; two names never become one."""
    if _PLAIN.fullmatch(name) and not _DIGESTED.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:46]}-{digest}"


@dataclass(frozen=True, slots=True)
class Record:
    """One service's truth. stable: who serves by default. canary: who is routed beside it, or "".

    routed: revisions that Envoy has a cluster for. revisions: all that have or had processes.
    wanted: how many replicas each is to have. serving: the installation was completed.
    former: stable and canary before the last change of the routes, which Envoy may still have.
    """

    service: Service
    stable: str
    canary: str = ""
    routed: tuple[str, ...] = ()
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    wanted: Mapping[str, int] = field(default_factory=dict)
    serving: bool = False
    former: tuple[str, str] = ("", "")

    def with_revision(self, revision: Revision, wanted: int) -> Record:
        """Add or replace a revision."""
        return replace(
            self,
            revisions={**self.revisions, revision.name: revision},
            wanted={**self.wanted, revision.name: wanted},
        )

    def completed(self) -> Record:
        """Say that the installation is complete."""
        return replace(self, serving=True)

    def retired(self) -> Record:
        """Say that the service is being removed."""
        return replace(self, serving=False)

    def serviced(self, service: Service) -> Record:
        """Take the service as the operator describes it now."""
        return replace(self, service=service)

    def without(self, revision: str) -> Record:
        """Drop a revision."""
        revisions = {name: r for name, r in self.revisions.items() if name != revision}
        wanted = {name: n for name, n in self.wanted.items() if name != revision}
        return replace(self, revisions=revisions, wanted=wanted).unrouted(revision)

    def unrouted(self, revision: str) -> Record:
        """Take a revision's cluster away."""
        return replace(self, routed=tuple(name for name in self.routed if name != revision))

    def routing(self, stable: str, canary: str = "") -> Record:
        """Route to these two; what is routed now keeps its cluster until it is drained."""
        routed = dict.fromkeys([*self.routed, stable, *([canary] if canary else [])])
        former = (self.stable, self.canary)
        if former == (stable, canary):
            former = self.former
        return replace(self, stable=stable, canary=canary, routed=tuple(routed), former=former)

    def perhaps(self) -> tuple[Record, ...]:
        """Return what Envoy may have by our doing: this, and what an unfinished write left."""
        stable, canary = self.former
        if stable not in self.routed or (canary and canary not in self.routed):
            return (self,)
        return (self, replace(self, stable=stable, canary=canary))

    def name_of(self, cluster: str) -> str:
        """Return the revision behind a cluster's name; a foreign cluster stands for itself."""
        return next((name for name in self.revisions if slug(name) == cluster), cluster)


_ADAPTER = TypeAdapter(Record)


class Records:
    """The folder of all services: `FOLDER/SERVICE/service.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, service: str) -> Path:
        """Return the folder of one service."""
        return self.folder / "services" / service

    def logs(self, service: str) -> Path:
        """Return the folder of a service's log files, made if need be."""
        logs = self.place(service) / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        return logs

    def names(self) -> tuple[str, ...]:
        """Return the services that have a record."""
        return tuple(sorted(f.parent.name for f in self.folder.glob("services/*/service.json")))

    def stamp(self, service: str) -> int:
        """Return what changes with every save: a time in ns, 0 if there is no record."""
        try:
            return (self.place(service) / "service.json").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def load(self, service: str) -> Record | None:
        """Read a service's record, None if there is none; ProviderRefused if it is damaged."""
        file = self.place(service) / "service.json"
        try:
            return _ADAPTER.validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, ValueError) as error:
            hint = "uninstall the service, then deploy it again"
            reason = f"{file} is damaged: {str(error).splitlines()[0]}"
            raise ProviderRefused("local", "read the service", reason, hint=hint) from error

    def save(self, record: Record) -> None:
        """Write a service's record."""
        place = self.place(record.service.name)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = _ADAPTER.dump_json(record, indent=1).decode()
        write_atomic(place / "service.json", text + "\n")

    def delete(self, service: str) -> None:
        """Delete a service's whole folder."""
        shutil.rmtree(self.place(service), ignore_errors=True)
