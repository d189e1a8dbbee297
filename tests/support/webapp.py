"""A real service of many versions, `webapp.py PORT VERSION [FAULTS]`: /slow takes 2 s.

FAULTS says which versions fail and how, "3=0.1,4=crash": a share of the answers that are 500, or
`crash`: end at once, `deaf`: never listen, `elsewhere`: listen on another port, `sick`: the health
check answers 500. Every other version is well. Each start is a line in the file $STARTS.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path

SLOW_S = 2.0
HEALTH = "/healthz"


async def serve(port: int, version: str, fault: str) -> None:
    """Serve until SIGTERM, which ends it at once: waiting is the data plane's duty."""

    def status(path: str) -> str:
        if path == HEALTH:
            return "500 Sick" if fault == "sick" else "200 OK"
        fails = fault.replace(".", "").isdigit() and random.random() < float(fault)
        return "500 Broken" if fails else "200 OK"

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                if path == "/slow":
                    await asyncio.sleep(SLOW_S)
                body = version.encode()
                length = f"content-length: {len(body)}"
                writer.write(f"HTTP/1.1 {status(path)}\r\n{length}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if fault != "deaf":
        where = 0 if fault == "elsewhere" else port
        await asyncio.start_server(connection, "127.0.0.1", where, backlog=1024)
    print(f"version {version} is up", flush=True)  # noqa: T201
    await stop.wait()


def main(port: str, version: str, faults: str = "") -> None:
    """Serve one version."""
    if starts := os.environ.get("STARTS"):
        with Path(starts).open("a") as file:
            file.write(f"{version}\n")
    fault = dict(one.split("=") for one in faults.split(",") if one).get(version, "")
    if fault == "crash":
        print("cannot open the database: no such table", flush=True)  # noqa: T201
        sys.exit(3)
    asyncio.run(serve(int(port), version, fault))


if __name__ == "__main__":
    main(*sys.argv[1:])
