"""The smallest HTTP client: one GET, one connection."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress


async def fetch(
    address: str, port: int, path: str = "/", *, within_s: float = 2.0
) -> tuple[int, bytes]:
    """Return status and body, (0, b"") if there is no whole answer in time."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError):
        async with asyncio.timeout(within_s):
            return await _fetch(address, port, path)
    return 0, b""


async def _fetch(address: str, port: int, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(address, port, limit=1 << 22)
    try:
        head = f"GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode())
        top = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await _body(reader, top)
    finally:
        writer.close()
    return int(top.split(b" ", 2)[1]), body


async def _body(reader: asyncio.StreamReader, top: bytes) -> bytes:
    # Not every app closes when it is asked to: read as much as it announces.
    if size := re.search(rb"\r\ncontent-length: *(\d+)", top):
        return await reader.readexactly(int(size.group(1)))
    if b"transfer-encoding: chunked" not in top:
        return await reader.read(-1)
    parts = []
    while length := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(length))
        await reader.readline()
    return b"".join(parts)


async def accepts(address: str, port: int) -> bool:
    """Tell whether anybody listens there."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
