"""What the load counts as a failed request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chimera.demo.load import burst


@asynccontextmanager
async def answering(status: int) -> AsyncIterator[int]:
    """Answer every request with a status; give the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(f"HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("status", "failed"), [(200, 0), (304, 0), (404, 10), (429, 10), (503, 10)]
)
async def test_every_answer_from_400_on_is_a_failed_request(status: int, failed: int) -> None:
    async with answering(status) as port:
        tally = await burst(port, 10, concurrency=2)
    assert tally.statuses == {status: 10}
    assert len(tally.failures) == failed
