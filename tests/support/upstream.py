"""Real services to put behind a data plane: they answer with their version and fail on order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from enum import Enum
from typing import Self

HEALTH_PATH = "/healthz"


class Fault(Enum):
    """What a faulty answer looks like; health checks are answered as usual."""

    ERROR = "error"  # status 500
    RESET = "reset"  # the connection closes before any answer
    TRUNCATE = "truncate"  # the connection closes in the middle of the body
    HANG = "hang"  # no answer at all


class Upstream:
    """An HTTP service on a free port of 127.0.0.1 whose body and `x-version` are its version.

    All attributes may be changed while it serves: `error_rate` is the share of requests that meet
    `fault`, `latency_s` delays each answer, `healthy` is what GET /healthz says. `served` counts
    the answers begun by status (0 = none came), health checks not included; `active` are the
    requests being worked on.
    """

    def __init__(
        self,
        version: str,
        *,
        error_rate: float = 0.0,
        latency_s: float = 0.0,
        fault: Fault = Fault.ERROR,
        seed: int = 1,
    ) -> None:
        self.version = version
        self.error_rate = error_rate
        self.latency_s = latency_s
        self.fault = fault
        self.healthy = True
        self.served: Counter[int] = Counter()
        self.active = 0
        self.port = 0
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; the first start picks a free port and a later one takes it again."""
        self._server = await asyncio.start_server(
            self._connection, "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection at once, as a killed process does."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._request(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False closes the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        await reader.readexactly(_content_length(head))
        path = head.split(" ", 2)[1]
        if path == HEALTH_PATH:
            writer.write(self._answer(200 if self.healthy else 503))
            await writer.drain()
            return True
        self.active += 1
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            return await self._serve(writer)
        finally:
            self.active -= 1

    async def _serve(self, writer: asyncio.StreamWriter) -> bool:
        fault = self.fault if self._random.random() < self.error_rate else None
        if fault is Fault.HANG:
            self.served[0] += 1
            await asyncio.get_running_loop().create_future()
        if fault is Fault.RESET:
            self.served[0] += 1
            return False
        status = 500 if fault is Fault.ERROR else 200
        self.served[status] += 1
        answer = self._answer(status)
        writer.write(answer[:-1] if fault is Fault.TRUNCATE else answer)
        await writer.drain()
        return fault is not Fault.TRUNCATE

    def _answer(self, status: int) -> bytes:
        body = self.version.encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nx-version: {self.version}"
        return head.encode() + b"\r\n\r\n" + body


def _content_length(head: str) -> int:
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            return int(line.partition(":")[2])
    return 0
