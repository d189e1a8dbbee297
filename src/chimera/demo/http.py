"""A small HTTP/1.1 client over raw streams: fast enough to load a proxy from the same core."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; header names are lower case, repeated headers keep their last value."""

    status: int
    headers: dict[str, str]
    body: bytes


class BrokenResponse(Exception):
    """The connection ended before the whole answer had come."""


@dataclass(slots=True)
class Client:
    """Send requests to `host`:`port` over kept-alive connections, one request on each."""

    port: int
    host: str = "127.0.0.1"
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, path: str = "/", headers: Mapping[str, str] | None = None) -> Response:
        """Send one GET, never repeated. Raises OSError or BrokenResponse."""
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        try:
            extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
            writer.write(f"GET {path} HTTP/1.1\r\nhost: test\r\n{extra}\r\n".encode())
            response = await _read(reader)
        except BaseException as error:
            await _discard(writer)
            if isinstance(error, asyncio.IncompleteReadError | ConnectionError):
                raise BrokenResponse(repr(error)) from error
            raise
        if response.headers.get("connection") == "close":
            await _discard(writer)
        else:
            self._idle.append((reader, writer))
        return response

    async def close(self) -> None:
        """Close all connections."""
        while self._idle:
            await _discard(self._idle.pop()[1])

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port)


async def _discard(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Response:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Response(int(head[0].split()[1]), headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body
