"""Large and slow bodies, over real sockets: refused, and the server goes on."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import uvicorn
from fastapi import FastAPI
from tests.guard.conftest import house
from tests.support.eventually import eventually

from chimera.app.access import Access

MEGABYTE = 1_000_000
HEAD = b"POST /echo HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[int]:
    """Serve on a free port, which is given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await eventually(lambda: server.started)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def send(port: int, parts: Iterable[bytes], *, until: bytes = b"\r\n\r\n") -> bytes:
    """Send parts and return the head of the answer, with what follows up to `until`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
    except ConnectionError:
        pass  # refused before all was sent: the answer is there all the same
    answer = await reader.readuntil(until)
    writer.close()
    return answer


def chunked(size: int, part: int = 50_000) -> list[bytes]:
    parts = [b"%x\r\n%s\r\n" % (part, b"x" * part)] * (size // part)
    return [HEAD + b"transfer-encoding: chunked\r\n\r\n", *parts, b"0\r\n\r\n"]


def measured(size: int, said: int | None = None) -> list[bytes]:
    length = b"content-length: %d\r\n\r\n" % (size if said is None else said)
    return [HEAD + length, b"x" * size]


async def test_a_body_up_to_the_limit_is_read(access: Access) -> None:
    async with serving(house(access).app) as port:
        for parts in (measured(MEGABYTE), chunked(MEGABYTE)):
            answer = await send(port, parts, until=b"1000000")
            assert answer.startswith(b"HTTP/1.1 200")


async def test_a_larger_one_is_refused_with_and_without_a_length(access: Access) -> None:
    async with serving(house(access).app) as port:
        for parts in (measured(0, MEGABYTE + 1), chunked(MEGABYTE + 50_000)):
            answer = await send(port, parts)
            assert answer.startswith(b"HTTP/1.1 413")
            assert b"problem+json" in answer
        assert (await send(port, measured(2), until=b"\r\n\r\n2")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"9" * 40, b"0x10"])
async def test_a_length_that_is_none_is_refused(access: Access, length: bytes) -> None:
    async with serving(house(access).app) as port:
        answer = await send(port, [HEAD + b"content-length: " + length + b"\r\n\r\nxx"])
        assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))


async def test_a_slow_body_is_given_up(access: Access) -> None:
    """It never ends, and each part comes before a naive timeout between two parts would end it."""
    app = house(access, body_timeout=timedelta(seconds=0.5)).app
    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 1000\r\n\r\n")

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in answer.lower()
        dripping.cancel()
        writer.close()


async def test_a_form_that_is_too_large_is_refused_before_it_is_read(access: Access) -> None:
    head = (
        HEAD.replace(b"/echo", b"/sign-in") + b"content-type: multipart/form-data; boundary=b\r\n"
    )
    async with serving(house(access).app) as port:
        parts = chunked(MEGABYTE + 50_000)
        parts[0] = head + b"transfer-encoding: chunked\r\n\r\n"
        parts[1] = b"%x\r\n%s\r\n" % (len(_PART), _PART)
        answer = await send(port, parts)
        assert answer.startswith(b"HTTP/1.1 413")


_PART = b'--b\r\ncontent-disposition: form-data; name="password"\r\n\r\nx'
