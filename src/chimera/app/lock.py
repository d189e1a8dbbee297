"""One controller per data folder: a lock that dies with its holder, and who the holder is."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from chimera.core.errors import RolloutConflict

_PATIENCE_S = 1.0  # somebody who only looks holds the lock for an instant


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller of a data folder. since: ISO 8601. ready: it takes work.

    address: the engine's. page: where browsers and the API reach it, "" if they do not.
    """

    pid: int
    since: str
    version: str
    address: str = ""
    ready: bool = False
    page: str = ""


class ControllerLock:
    """Held by the controller for its life; the file beside it says who it is."""

    def __init__(self, home: Path, file: int) -> None:
        self._home = home
        self._file = file

    def announce(self, controller: Controller) -> None:
        """Tell others who holds the lock, whole or not at all."""
        target = self._home / "controller.json"
        fresh = target.with_suffix(".tmp")
        fresh.write_text(json.dumps(asdict(controller)), encoding="utf-8")
        fresh.replace(target)

    def release(self) -> None:
        """Let go, so that the next controller may start."""
        (self._home / "controller.json").unlink(missing_ok=True)
        os.close(self._file)


def make_home(home: Path) -> None:
    """Make the data folder, readable by its owner alone."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)


@contextmanager
def hold_controller_lock(home: Path) -> Iterator[ControllerLock]:
    """Take the lock of a data folder; RolloutConflict names the controller that holds it."""
    make_home(home)
    file = os.open(home / "controller.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _PATIENCE_S
    while not _try_lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            os.close(file)
            raise _conflict(home)
        time.sleep(0.02)
    lock = ControllerLock(home, file)
    try:
        yield lock
    finally:
        lock.release()


def find_controller(home: Path) -> Controller | None:
    """Return the controller that holds the folder's lock now, or None."""
    try:
        file = os.open(home / "controller.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try_lock(file, fcntl.LOCK_SH):
            return None
    finally:
        os.close(file)
    try:
        return Controller(**json.loads((home / "controller.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Controller(pid=0, since="", version="")


def _try_lock(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _conflict(home: Path) -> RolloutConflict:
    holder = find_controller(home)
    who = (
        f"process {holder.pid}, since {holder.since}"
        if holder and holder.pid
        else "another process"
    )
    return RolloutConflict(
        f"a controller runs on {home} already ({who})",
        hint="use it: every command finds it by itself; or set CHIMERA_HOME to another folder",
    )
