"""A version whose health is fine, and which hangs up on every user. Needs nothing but Python."""

from __future__ import annotations

import asyncio
import sys

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"GET /healthz "):
        writer.write(OK)
    writer.close()


async def main() -> None:
    address, port = sys.argv[1:]
    async with await asyncio.start_server(answer, address, int(port)) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
