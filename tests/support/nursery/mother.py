"""The process that the others are forked from.

It listens on a socket, ends with it, and makes no thread: a fork would lose it. A request is JSON
with the descriptors of stdin, stdout, stderr and of the socket that is told pid and exit code.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import re
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# Room in this process's command line and environment for those of its children.
PADDING = 24_000
LONGEST_REQUEST = 200_000
_DESCRIPTORS = 4
_SELF = Path("/proc/self")
# Where its stat has, after the name, the first byte of the command line, of the environment.
_COMMAND_LINE, _ENVIRONMENT = 45, 47
# What no command needs at its start, and what is run by being loaded.
_NOT_LOADED = re.compile(r"\b(bench|sandbox|migrations|__main__)\b")

Request = dict[str, Any]


def main() -> None:
    """Serve the socket whose descriptor is said; in a child run what was asked for."""
    ear = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is meant for the commands, who feel it
    load()
    gc.collect()
    gc.freeze()
    if len(list((_SELF / "task").iterdir())) != 1:
        raise SystemExit("something that was loaded made a thread")
    request = Mother(ear).serve()
    if request is not None:
        entrance(request["module"])()


def load() -> None:
    """Import all that the commands and controllers use."""
    import chimera

    entrance("chimera")
    for one in pkgutil.walk_packages(chimera.__path__, "chimera."):
        if not _NOT_LOADED.search(one.name):
            importlib.import_module(one.name)


def entrance(name: str) -> Callable[[], object]:
    """Return what `python -m NAME` does: `run` of that module, or of a package's `__main__`."""
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{name}.__main__")
    run: Callable[[], object] = module.run
    return run


class Mother:
    """Serves requests until the socket is closed."""

    def __init__(self, ear: socket.socket) -> None:
        self._ear = ear
        self._told: dict[int, socket.socket] = {}

    def serve(self) -> Request | None:
        """Bear children; return in each of them what it is to be, here None at the end."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        ear = self._ear.fileno()
        while True:
            ready, _, _ = select.select([ear, woken], [], [])
            if woken in ready:
                with suppress(BlockingIOError):
                    os.read(woken, 4096)
                self._reap()
            if ear not in ready:
                continue
            text, descriptors, _, _ = socket.recv_fds(self._ear, LONGEST_REQUEST, _DESCRIPTORS)
            if not text:
                return None
            request: Request = json.loads(text)
            if self._fork(descriptors):
                become(request, descriptors)
                return request

    def _fork(self, descriptors: list[int]) -> bool:
        """Return whether this is the child."""
        pid = os.fork()
        if not pid:
            return True
        *given, reply = descriptors
        for descriptor in given:
            os.close(descriptor)
        self._told[pid] = socket.socket(fileno=reply)
        self._tell(pid, pid)
        return False

    def _reap(self) -> None:
        while self._told:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._tell(pid, os.waitstatus_to_exitcode(status))
            self._told.pop(pid).close()

    def _tell(self, pid: int, number: int) -> None:
        with suppress(OSError):  # nobody waits for it any more
            self._told[pid].send(f"{number}\n".encode())


def become(request: Request, descriptors: list[int]) -> None:
    """Turn this fork into what was asked for."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(request["cwd"])
    os.environ.clear()
    _show(_ENVIRONMENT, [f"{name}={value}" for name, value in request["env"].items()])
    os.environ.update(request["env"])
    _show(_COMMAND_LINE, [sys.executable, "-m", request["module"], *request["args"]])
    sys.argv = [request["module"], *request["args"]]


def _show(field: int, words: list[str]) -> None:
    """Let /proc show these words where it shows the command line or the environment of us."""
    start, end = (_SELF / "stat").read_bytes().rsplit(b")", 1)[1].split()[field : field + 2]
    room = int(end) - int(start)
    text = b"".join(os.fsencode(word) + b"\0" for word in words)
    if len(text) > room:
        raise ValueError(f"{len(text)} bytes are more than the {room} of this process")
    ctypes.memmove(int(start), text.ljust(room, b"\0"), room)
