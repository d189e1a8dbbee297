"""Whose rollouts are one's own: several controllers may share a ledger, each drives its own.

A rollout carries the name of the engine that drives it from its opening on. An embedded engine is
named by a file of its data folder, a cluster by its namespace and task queue, whose workers reach
the same platforms.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from chimera.app.settings import Settings
from chimera.core.errors import ChimeraError

FILE = "identity"


class Engines:
    """Which engines' rollouts one data folder drives.

    A rollout of an older Chimera names none, and is everybody's. So is each one in a ledger that is
    kept in the data folder. Further lines of the file name engines that are gone for good: this
    one takes their place.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.home / FILE
        self._found: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a new rollout carries; its first use gives the data folder its name."""
        return (self._names() or self._with_file(_make))[0]

    @property
    def known(self) -> frozenset[str] | None:
        """Whose rollouts are driven here; None: everybody's."""
        return frozenset(self._names()) if self._settings.database_url else None

    def drive(self, engine: str) -> bool:
        """Whether a rollout of that engine is driven here."""
        known = self.known
        return known is None or not engine or engine in known

    def _names(self) -> tuple[str, ...]:
        its = self._settings.engine
        if not its.embedded:
            return (f"temporal/{its.namespace}/{its.task_queue}",)
        self._found = self._found or self._with_file(_read)
        return self._found

    def _with_file(self, do: Callable[[Path], tuple[str, ...]]) -> tuple[str, ...]:
        try:
            return do(self._file)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ChimeraError(
                f"the data folder's name cannot be kept in {self._file}: {reason}",
                hint="make room on the disk, and the file readable and writable for this user",
            ) from None


def _read(file: Path) -> tuple[str, ...]:
    return tuple(file.read_text(encoding="utf-8").split()) if file.exists() else ()


def _make(file: Path) -> tuple[str, ...]:
    """Name the folder, once: of several processes that try, one does."""
    name = f"{socket.gethostname() or 'host'}/{secrets.token_hex(6)}"
    fresh = file.with_name(f"{FILE}.{os.getpid()}.new")
    try:
        with open(fresh, "w", encoding="utf-8", opener=_private) as out:
            out.write(f"{name}\n")
        try:
            os.link(fresh, file)
        except FileExistsError:
            if not _read(file):  # an empty one names nobody
                fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    return _read(file)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
