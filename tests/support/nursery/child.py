"""What a test holds of a process that was born in the nursery."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
from asyncio import ReadTransport, StreamReader, StreamReaderProtocol
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.nursery.voice import ask


class Child:
    """A process, used like an `asyncio.subprocess.Process` without pipes."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._heard = b""
        self._code: int | None = None
        while b"\n" not in self._heard:
            self._hear()
        self.pid = int(self._heard.split(b"\n")[0])

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the number of the signal that ended it, None while it runs."""
        if self._code is None and select.select([self._told], [], [], 0)[0]:
            self._hear()
        return self._code

    async def wait(self) -> int:
        """Wait for its end."""
        loop = asyncio.get_running_loop()
        while (code := self.returncode) is None:
            heard = asyncio.Event()
            loop.add_reader(self._told, heard.set)
            try:
                await heard.wait()
            finally:
                loop.remove_reader(self._told)
        return code

    def send_signal(self, kind: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, kind)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        self._told.close()

    def _hear(self) -> None:
        """Read what the nursery says: a line with the pid, later one with the exit code."""
        said = self._told.recv(64)
        if not said:
            raise RuntimeError("the nursery has ended; its last words are above")
        self._heard += said
        lines = self._heard.splitlines(keepends=True)
        if len(lines) == 2 and lines[1].endswith(b"\n"):
            self._code = int(lines[1])
            self._told.close()


class Command(Child):
    """A process whose output is read."""

    stdout: StreamReader
    stderr: StreamReader
    pipes: tuple[ReadTransport, ...] = ()

    def close(self) -> None:
        """Read no more of what it says."""
        for pipe in self.pipes:
            pipe.close()

    async def communicate(self) -> tuple[bytes, bytes]:
        """Read all that it says, until its end."""
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err


async def start(module: str, *args: str, cwd: Path, env: Mapping[str, str]) -> Command:
    """Start `python -m MODULE ARGS` with pipes to read from."""
    null = os.open(os.devnull, os.O_RDONLY)
    (read_out, out), (read_err, err) = os.pipe(), os.pipe()
    try:
        request = {"module": module, "args": args, "cwd": str(cwd), "env": dict(env)}
        child = Command(await asyncio.to_thread(ask, request, (null, out, err)))
    finally:
        for descriptor in (null, out, err):
            os.close(descriptor)
    (child.stdout, out_pipe), (child.stderr, err_pipe) = [
        await _reader(each) for each in (read_out, read_err)
    ]
    child.pipes = (out_pipe, err_pipe)
    return child


async def quiet(
    module: str, *args: str, cwd: Path, env: Mapping[str, str], log: Path | None = None
) -> Child:
    """Start `python -m MODULE ARGS`; what it says goes to the end of the file `log`, or nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if log else os.dup(null)
    try:
        request = {"module": module, "args": args, "cwd": str(cwd), "env": dict(env)}
        return Child(await asyncio.to_thread(ask, request, (null, said, said)))
    finally:
        os.close(null)
        os.close(said)


async def _reader(descriptor: int) -> tuple[StreamReader, ReadTransport]:
    reader = StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    return reader, pipe
