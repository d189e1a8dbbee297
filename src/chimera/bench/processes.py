"""What other processes use, read from /proc: processor time and memory."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from chimera.core.errors import ChimeraError

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment. at: monotonic seconds; cpu_s: since its start; rss: bytes."""

    at: float
    cpu_s: float
    rss: int


def usage(pid: int) -> Usage:
    """Return what a process has used and holds; ChimeraError if that cannot be read."""
    try:
        fields = _fields(pid)
    except OSError as error:
        raise ChimeraError(
            f"cannot read /proc/{pid}/stat: {error.strerror}",
            hint="this benchmark needs Linux, and the process to live",
        ) from None
    ticks = int(fields[11]) + int(fields[12])
    pages = int(fields[21])
    return Usage(
        time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")
    )


def cores(before: Usage, after: Usage) -> float:
    """Return how many cores were used on average between two moments."""
    return (after.cpu_s - before.cpu_s) / (after.at - before.at)


def find_child(pid: int, word: str) -> int:
    """Return the child of a process whose command line begins with a program named `word`."""
    for folder in _PROC.glob("[0-9]*"):
        try:
            program = (folder / "cmdline").read_bytes().partition(b"\0")[0].decode()
            if Path(program).name == word and int(_fields(int(folder.name))[1]) == pid:
                return int(folder.name)
        except (OSError, UnicodeDecodeError):
            continue  # it ended meanwhile
    raise ChimeraError(f"process {pid} has no child '{word}'")


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on, the process's state."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
