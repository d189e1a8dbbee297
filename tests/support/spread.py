"""A load balancer that knows nothing of sessions: each new connection goes to the next replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count


@dataclass
class Spread:
    """port: its own. to: the replicas' ports. used: how many connections each took."""

    port: int
    to: list[int] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)
    turn: count[int] = field(default_factory=count)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one client with the next replica that answers."""
        for _ in self.to:
            port = self.to[next(self.turn) % len(self.to)]
            with suppress(OSError):
                theirs, ours = await asyncio.open_connection("127.0.0.1", port)
                self.used[port] = self.used.get(port, 0) + 1
                self.open |= {writer, ours}
                await asyncio.gather(_pump(reader, ours), _pump(theirs, writer))
                self.open -= {writer, ours}
                return
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def spread(port: int, to: Sequence[int]) -> AsyncIterator[Spread]:
    """Balance connections to `port` over the replicas while the block lasts."""
    one = Spread(port, list(to))
    server = await asyncio.start_server(one.serve, "127.0.0.1", port)
    try:
        yield one
    finally:
        server.close()
        for writer in one.open:
            writer.close()
        await server.wait_closed()
        await asyncio.sleep(0)
