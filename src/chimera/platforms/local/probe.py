"""Ask a process over HTTP whether it can serve."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta


async def probe(
    port: int, path: str, *, host: str = "127.0.0.1", within: timedelta = timedelta(seconds=2)
) -> str:
    """GET a path; return "" for a 2xx answer, else what came instead, in words."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            status = await _status(host, port, path)
    except TimeoutError:
        return f"no answer within {within.total_seconds():g} s"
    except ConnectionRefusedError:
        return f"nothing listens on port {port}"
    except OSError as error:
        return f"the connection failed: {error}"
    if not status.startswith("HTTP/"):
        return "it does not speak HTTP"
    code = status.split(" ", 2)[1] if " " in status else ""
    return "" if len(code) == 3 and code.startswith("2") else f"it answered {code or status}"


async def _status(host: str, port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: chimera\r\n"
        writer.write(f"{request}accept: */*\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        line = error.partial
        if not line:
            raise ConnectionResetError("closed without an answer") from None
    except asyncio.LimitOverrunError:
        return ""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return line.decode("latin-1").strip()
