"""Know a process by more than its pid, so that a recycled pid is never taken for it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A pid, its start time in clock ticks after boot, and which boot that was."""

    pid: int
    started: int
    boot: str


def stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on, the state; [] if it is nobody's."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended meanwhile
        return []
    # The second field is the name in parentheses and may itself hold blanks and parentheses.
    return text.rpartition(")")[2].split()


def identity(pid: int) -> ProcessId | None:
    """Return who a pid is, a zombie included (its exit code stays to be read); None if nobody."""
    fields = stat_fields(pid)
    if not fields:
        return None
    return ProcessId(pid, int(fields[19]), _BOOT_ID.read_text(encoding="ascii").strip())


def identify(pid: int) -> ProcessId | None:
    """Return the identity of a running process, None if there is none or it is a zombie."""
    fields = stat_fields(pid)
    if fields and fields[0] in "ZX":
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return None
    return identity(pid)


def is_alive(process: ProcessId) -> bool:
    """Tell whether exactly this process still runs."""
    return identify(process.pid) == process


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    inherit: int | None = None,
) -> ProcessId:
    """Start a program in a session of its own, so that it survives this process.

    Output is appended to `log`. The descriptor `inherit` becomes number 3 of the new process; no
    other is passed on. Raises OSError.
    """
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    if inherit is not None:
        actions.append((os.POSIX_SPAWN_DUP2, inherit, 3))
    pid = os.posix_spawn(argv[0], list(argv), env, file_actions=actions, setsid=True)
    process = identify(pid)
    if process is None:
        raise ProcessLookupError(f"{argv[0]} ended at once")
    return process


async def terminate(process: ProcessId, *, within: timedelta = timedelta(seconds=5)) -> None:
    """End exactly this process: SIGTERM, then SIGKILL after `within`; a dead one is fine."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        # Checked after opening: the handle can no longer come to mean another process.
        if not is_alive(process):
            return
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not await _ended(handle, within):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            await _ended(handle, within)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
        identify(process.pid)  # takes a child's zombie away


async def _ended(handle: int, within: timedelta) -> bool:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(handle, done.set)
    try:
        async with asyncio.timeout(within.total_seconds()):
            await done.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(handle)
    return True
