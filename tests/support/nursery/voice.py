"""This process's nursery, and asking it for a process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.nursery.mother import LONGEST_REQUEST, PADDING

ROOT = Path(__file__).parents[3]
_lock = threading.Lock()
_mothers: dict[int, tuple[socket.socket, subprocess.Popen[bytes]]] = {}  # by who made them


def ask(request: Mapping[str, Any], streams: tuple[int, int, int]) -> socket.socket:
    """Have a process made; return where its pid and its exit code are told, a line each."""
    text = json.dumps(request).encode()
    if len(text) > LONGEST_REQUEST:
        raise ValueError(f"a request of {len(text)} bytes is too long")
    ours, theirs = socket.socketpair()
    with theirs, _lock:
        socket.send_fds(_voice(), [text], [*streams, theirs.fileno()])
    return ours


def _voice() -> socket.socket:
    if os.getpid() not in _mothers:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LONGEST_REQUEST)
        padding = "-" * PADDING
        with theirs:
            mother = subprocess.Popen(
                [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno()), padding],
                cwd=ROOT,
                env={**os.environ, "PADDING": padding},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        _mothers[os.getpid()] = (ours, mother)
    return _mothers[os.getpid()][0]


def close() -> None:
    """End the nursery of this process, if there is one; its children live on."""
    found = _mothers.pop(os.getpid(), None)
    if found is not None:
        found[0].close()
        found[1].wait(30)
