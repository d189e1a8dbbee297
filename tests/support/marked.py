"""The processes of a house, found by the mark in their environment, from /proc alone."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

MARK = "CHIMERA_TEST_HOUSE"
# Below the ports that the system gives to whoever asks for any, so that nobody else gets it.
PORTS = (15_000, 32_000)


def carriers(mark: str) -> list[int]:
    """Every process that carries the mark, from /proc alone."""
    wanted = f"{MARK}={mark}".encode()
    folders = Path("/proc").glob("[0-9]*")
    return sorted(int(f.name) for f in folders if wanted in variables(int(f.name)))


def variables(pid: int) -> list[bytes]:
    """A process's environment; empty if it is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def command_of(pid: int) -> str:
    """A process's command line; "" if it is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def front_port() -> int:
    """A port for a service that is installed later: free, and not given away meanwhile."""
    while True:
        port = random.randint(*PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
