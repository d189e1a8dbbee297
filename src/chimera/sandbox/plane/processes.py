"""Children that never outlive the range, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chimera.core.errors import ProviderRefused


class Processes:
    """Starts programs from one thread: the kernel ends them when that thread does."""

    def __init__(self) -> None:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise ProviderRefused(
                "sandbox", "start", "setpriv is missing", hint="install util-linux (Linux only)"
            )
        self._setpriv = setpriv
        self._children: list[subprocess.Popen[bytes]] = []

    def start(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, its output in `log`. Raises OSError."""
        if shutil.which(argv[0]) is None:
            raise FileNotFoundError(f"{argv[0]}: not found")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(
                [self._setpriv, "--pdeathsig", "KILL", *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def end(self, child: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
        """Send a signal to a child and all that it started; a dead one is fine."""
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """Drop a child that has ended."""
        with suppress(ValueError):
            self._children.remove(child)

    def close(self) -> None:
        """Kill all that still runs, and wait until it is gone."""
        for child in self._children:
            self.end(child, signal.SIGKILL)
        for child in self._children:
            child.wait()
        self._children.clear()
