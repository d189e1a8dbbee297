"""Finding the controller of a data folder, starting one when it is needed, and ending it.

Light on purpose: commands that only ask need neither the engine nor the platforms.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from chimera.app.lock import Controller, find_controller, make_home
from chimera.app.settings import Settings
from chimera.core.errors import EngineError, RolloutConflict

START_DEADLINE_S = 30.0
IDLE_S = 3.0
MAX_LOG_BYTES = 20_000_000
_POLL_S = 0.1


def is_wanted(home: Path) -> bool:
    """Say whether a command asked for the controller just now and may be about to give it work."""
    with suppress(OSError):
        return time.time() - (home / "wanted").stat().st_mtime < IDLE_S
    return False


@asynccontextmanager
async def wanting(home: Path) -> AsyncIterator[None]:
    """Keep the controller here as long as this lasts: for work that is not a rollout."""

    async def touch() -> None:
        while True:
            with suppress(OSError):
                (home / "wanted").touch()
            await asyncio.sleep(IDLE_S / 3)

    touching = asyncio.create_task(touch())
    try:
        yield
    finally:
        touching.cancel()


async def ensure_controller(
    settings: Settings, *, stay: bool = False, listen: str = ""
) -> Controller:
    """Return the controller of the data folder, ready; start one if none runs.

    One that is started ends when nothing is live any more, unless `stay`. listen: HOST:PORT where
    it serves the page as well, and then it stays; "" is nowhere.
    """
    make_home(settings.home)
    (settings.home / "wanted").touch()
    log_file = settings.home / "controller.log"
    child: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        found = find_controller(settings.home)
        if found is not None and found.ready:
            if child is not None:
                child.returncode = 0  # nobody waits for it: it outlives this process on purpose
            return found
        # Or the one that was there has just ended.
        if found is None and (child is None or child.poll() == RolloutConflict.exit_code):
            child = _spawn(settings.home, log_file, _words(stay=stay, listen=listen))
        elif found is None and child is not None and child.poll() is not None:
            raise EngineError(
                f"the controller ended at its start (exit code {child.returncode})",
                hint=f"its last words: {_tail(log_file)}",
            )
        await asyncio.sleep(_POLL_S / 2)
    if child is not None and (stay or listen):
        await _end(child)  # it would stay, and whoever wanted it has given up
    raise EngineError(
        f"the controller was not ready within {START_DEADLINE_S:.0f} s",
        hint=f"see {log_file}: {_tail(log_file)}",
    )


async def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        await asyncio.to_thread(child.wait, START_DEADLINE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


async def stop_controller(settings: Settings) -> None:
    """End the controller of the data folder, if one runs, and wait until it has let go."""
    found = find_controller(settings.home)
    if found is None or not found.pid:
        return
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + START_DEADLINE_S
    while find_controller(settings.home) is not None:
        if time.monotonic() > deadline:
            raise EngineError(
                f"the controller (process {found.pid}) does not end",
                hint=f"see {settings.home / 'controller.log'}",
            )
        await asyncio.sleep(_POLL_S / 2)


def _words(*, stay: bool, listen: str) -> list[str]:
    if listen:
        return ["--listen", listen]
    return ["--only", "worker"] if stay else ["--until-idle"]


def _spawn(home: Path, log_file: Path, words: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "chimera", "up", *words]
    with suppress(OSError):
        if log_file.stat().st_size > MAX_LOG_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
    with open(log_file, "ab", opener=_private) as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=home,
            env={**os.environ, "CHIMERA_HOME": str(home)},
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _tail(log_file: Path, lines: int = 3) -> str:
    try:
        return " / ".join(log_file.read_text(errors="replace").strip().splitlines()[-lines:])
    except OSError:
        return "(no log)"
