"""Says what a process of the nursery is, for the nursery's own tests; "stay" makes it wait."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def run() -> None:
    """Say it."""
    own = Path("/proc/self")

    def words(name: str) -> list[str]:
        return (own / name).read_bytes().rstrip(b"\0").decode().split("\0")

    count = len(sys.argv) + 2  # an empty last word is shown by nothing
    command = words("cmdline")
    command += [""] * (count - len(command))
    lines = [
        f"pid {os.getpid()}",
        f"command {command}",
        f"arguments {sys.argv[1:]}",
        f"shown {sorted(words('environ'))}",
        f"seen {sorted(os.environ.items())}",
        f"in {Path.cwd()}",
        f"descriptors {[n for n in range(64) if _is_open(n)]}",
        f"input {sys.stdin.read()!r}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    sys.stderr.write("said to stderr\n")
    while "stay" in sys.argv:
        time.sleep(1)
    sys.exit(7)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
