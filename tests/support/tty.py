"""A command at a real terminal: type, wait for words, read the screen."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CTRL_C = "\x03"


def _log_in(slave: int) -> None:
    """Do as a login does: the terminal is ours, and Ctrl-C works whoever started the tests."""
    os.login_tty(slave)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _persons_environment() -> dict[str, str]:
    """Return our environment without what says that nobody watches, as in CI."""
    ours = {key: value for key, value in os.environ.items() if key not in {"CI", "NO_COLOR"}}
    return {**ours, "TERM": "xterm-256color"}


class Terminal:
    """`chimera ARGS` in a pseudo-terminal of its own; ends with the context at the latest."""

    def __init__(
        self,
        *args: str,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
    ) -> None:
        self.raw = ""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chimera", *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**_persons_environment(), **(env or {})},
            preexec_fn=lambda: _log_in(slave),  # noqa: PLW1509 - system calls, no lock
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def text(self) -> str:
        """What was written so far, without colours and cursor moves, one blank between words."""
        return " ".join(ANSI.sub("", self.raw).split())

    def expect(self, words: str, *, within_s: float = 30) -> None:
        """Wait until words were written."""
        deadline = time.monotonic() + within_s
        while words not in self.text:
            if not self._read(deadline) and words not in self.text:
                raise AssertionError(f"no {words!r} within {within_s:g} s in: {self.text}")

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)

    def ended(self, *, within_s: float = 30) -> int:
        """Wait for the end and return the exit code."""
        deadline = time.monotonic() + within_s
        while self._read(deadline):
            pass
        return self._process.wait(timeout=max(deadline - time.monotonic(), 1))

    def _read(self, deadline: float) -> bool:
        """Read what comes next; False at the end or the deadline."""
        ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # the other side is closed
                return False
            raise
        self.raw += data.decode(errors="replace")
        return bool(data)
