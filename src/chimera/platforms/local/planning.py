"""What a rollout will do on this machine, before it does it. Pure."""

from __future__ import annotations

import re
import shlex

from chimera.core.model import Change, Revision, Service
from chimera.platforms.local.options import Definition, target_of
from chimera.platforms.local.record import Record

_HARMLESS = re.compile(r"[\w@%+=:,./{}-]+")


def changes(record: Record | None, service: Service, canary: Revision) -> tuple[Change, ...]:
    """Return each write in order; without a record it is the service's first deployment."""
    definition, target = Definition.of(canary), target_of(service)
    command = " ".join(_readable(word) for word in definition.command)
    if record is None:
        return (
            *_processes("+", canary.name, definition.replicas, f"runs: {command}"),
            Change("+", f"envoy on {target.bind}:{target.port}", "takes the service's traffic"),
            Change("~", "routes", f"all traffic to {canary.name}; there is no stable version yet"),
        )
    old, number = record.stable, record.wanted.get(record.stable, 1)
    more = max(0, number - definition.replicas)
    return (
        *_processes("+", canary.name, definition.replicas, f"runs: {command}"),
        Change("~", "envoy clusters", f"{canary.name} becomes known beside {old}, no traffic yet"),
        Change("~", "envoy weights", f"{canary.name} rises step by step, leased; {old} falls"),
        *_processes("+", canary.name, more, "as many as stable has, before 100 %"),
        Change("~", "envoy routes", f"{canary.name} becomes the durable stable version"),
        Change("~", "envoy clusters", f"{old} is drained and forgotten"),
        *_processes("-", old, number, "replaced"),
    )


def _readable(word: str) -> str:
    """Return a word as a shell wants it, but {port} without quotes, as the spec has it."""
    return word if _HARMLESS.fullmatch(word) else shlex.quote(word)


def _processes(action: str, revision: str, number: int, why: str) -> tuple[Change, ...]:
    if not number:
        return ()
    what = f"process of {revision}" if number == 1 else f"{number} processes of {revision}"
    return (Change(action, what, why),)
