"""`chimera doctor`: is everything here that Chimera needs, and what to do if not?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from chimera.app.lock import find_controller
from chimera.app.settings import Settings
from chimera.core.errors import ChimeraError
from chimera.core.model import Service
from chimera.engine.binary import find_binary
from chimera.platforms.catalog import Catalog
from chimera.ports.platform import Check
from chimera.store import Store

_RECENT = 10_000
_ROOM_BYTES = 500 * 1024 * 1024


@runtime_checkable
class Examiner(Protocol):
    """A platform that can tell what is in the way of one service's rollouts."""

    async def examine(self, service: Service) -> Sequence[Check]:
        """Check all that a rollout of a service needs, where and as whom its settings say."""


async def diagnose(
    settings: Settings,
    store: Store,
    catalog: Catalog,
    platform: str,
    service: Service | None = None,
) -> Sequence[Check]:
    """Return a check per thing that Chimera and the platforms need.

    platform: "" means all; one that no service of this ledger runs on may be without its means.
    service: only this one and its platform.
    """
    checks = [_python(), _home(settings), _disk(settings), _engine(settings), _controller(settings)]
    checks.append(await _ledger(store))
    if service is not None:
        return [*checks, *await _examined(catalog, service.platform, [service])]
    known: dict[str, dict[str, Service]] = {}
    for row in await store.find(limit=_RECENT):  # newest first
        one = row.rollout.service
        known.setdefault(one.platform, {}).setdefault(one.name, one)
    if platform:
        return [*checks, *await _examined(catalog, platform, known.get(platform, {}).values())]
    for name in sorted(catalog.option_models()):
        found = await _examined(catalog, name, known.get(name, {}).values())
        checks += found if name in known else _if_wanted(name, found)
    return checks


async def _examined(catalog: Catalog, name: str, services: Iterable[Service]) -> Sequence[Check]:
    """Check a platform: as its services need it, each thing once, or without any in general."""
    platform = catalog.get(name)
    wanted = list(services)
    try:
        if not wanted or not isinstance(platform, Examiner):
            return await platform.doctor()
        found = [check for one in wanted for check in await platform.examine(one)]
    except ChimeraError as error:
        return [Check(name, False, str(error), error.hint)]
    return list(dict.fromkeys(found))


def _if_wanted(name: str, found: Sequence[Check]) -> Sequence[Check]:
    missing = next((check for check in found if not check.ok), None)
    if missing is None:
        return found
    return [Check(name, True, f"not in use, and not ready: {missing.name}: {missing.detail}")]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _home(settings: Settings) -> Check:
    ok = os.access(settings.home, os.W_OK | os.X_OK)
    return Check("data folder", ok, str(settings.home), "set CHIMERA_HOME to a writable folder")


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.home).free
    return Check(
        "disk", free > _ROOM_BYTES, f"{free // 1024**2} MiB free", "free at least 500 MiB there"
    )


def _engine(settings: Settings) -> Check:
    if not settings.engine.embedded:
        return Check("engine", True, f"Temporal at {settings.engine.address}")
    try:
        return Check("engine", True, f"embedded: {find_binary(settings.engine.binary)}")
    except ChimeraError as error:
        return Check("engine", False, str(error), error.hint)


def _controller(settings: Settings) -> Check:
    found = find_controller(settings.home)
    if found is None:
        return Check("controller", True, "none runs; a command starts one when it is needed")
    return Check("controller", True, f"process {found.pid}, since {found.since}")


async def _ledger(store: Store) -> Check:
    try:
        found = await store.verify()
    except ChimeraError as error:
        return Check("ledger", False, str(error), error.hint)
    fix = "restore the ledger from a backup; `chimera audit verify` names the row"
    return Check("ledger", found.ok, f"{store.location}: {found.sentence}", fix)
