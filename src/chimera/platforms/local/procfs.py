"""What Linux tells about processes, beyond their identity."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from chimera.platforms.envoy.ports import listening, sockets
from chimera.platforms.envoy.proc import ProcessId, identity, stat_fields

_PROC = Path("/proc")


def is_running(process: ProcessId) -> bool:
    """Tell whether exactly this process runs; takes no zombie away."""
    return identity(process.pid) == process and not is_zombie(process.pid)


def carriers(variable: str, value: str) -> tuple[int, ...]:
    """Return the pids whose environment has exactly this variable, oldest first."""
    wanted = f"{variable}={value}".encode()
    found = [pid for pid in _pids() if wanted in _read(pid, "environ").split(b"\0")]
    return tuple(sorted(found, key=_started))


def variables(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with, {} if it cannot be seen."""
    lines = _read(pid, "environ").decode(errors="replace").split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def output(pid: int) -> str:
    """Return the path that a process writes its output to, "" if it cannot be seen."""
    try:
        return os.readlink(_PROC / str(pid) / "fd/1")  # noqa: PTH115
    except OSError:
        return ""


def with_argument(argument: str) -> tuple[int, ...]:
    """Return the pids whose command line has exactly this argument, oldest first."""
    wanted = argument.encode()
    found = [pid for pid in _pids() if wanted in _read(pid, "cmdline").split(b"\0")]
    return tuple(sorted(found, key=_started))


def session(leader: int) -> tuple[int, ...]:
    """Return the live pids in the session that `leader` began."""
    return tuple(pid for pid in _pids() if _stat(pid, 3) == leader and not is_zombie(pid))


def leads_session(pid: int) -> bool:
    """Tell whether a process began the session that it is in."""
    return _stat(pid, 3) == pid


def is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and waits for its parent to notice."""
    fields = stat_fields(pid)
    return bool(fields) and fields[0] in "ZX"


def exit_code(pid: int) -> int | None:
    """Return how a child of this process ended (-9: by signal 9), without taking its zombie away.

    None while it runs, and for a process that is not, or no longer, a child of this one.
    """
    try:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def reap(pid: int) -> None:
    """Take the zombie of a child away, if it is one."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def listening_ports(pids: Iterable[int]) -> set[int]:
    """Return the TCP ports that these processes listen on, as far as that can be seen."""
    mine = {inode for pid in pids for inode in sockets(pid)}
    return {port for inode, port in listening() if inode in mine}


def listeners(port: int) -> tuple[ProcessId, ...]:
    """Return who listens on a TCP port, as far as that can be seen."""
    wanted = {inode for inode, other in listening() if other == port}
    holders = [pid for pid in _pids() if wanted and not wanted.isdisjoint(sockets(pid))]
    return tuple(one for one in map(identity, holders) if one is not None)


def is_taken(port: int) -> bool:
    """Tell whether anybody on this machine listens on a TCP port."""
    return any(port == other for _, other in listening())


def _pids() -> Iterator[int]:
    for entry in os.listdir(_PROC):  # noqa: PTH208  # ten times faster than Path over all processes
        if entry.isdigit():
            yield int(entry)


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return b""


def _stat(pid: int, index: int) -> int:
    fields = stat_fields(pid)
    return int(fields[index]) if fields else 0


def _started(pid: int) -> tuple[int, int]:
    return _stat(pid, 19), pid
