"""Traffic to a practice range's way in, counted by status and by the version that answered."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Met:
    """What clients met; `lost` are requests without any answer. seen: (when, version, status)."""

    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    seen: list[tuple[float, str, int]] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return sum(self.statuses.values()) + self.lost

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)


async def send(url: str, count: int, *, workers: int = 4, cookie: str = "") -> Met:
    """Send `count` requests over kept connections and say what was met."""
    met = Met()
    left = iter(range(count))
    await asyncio.gather(*(_work(url, left, met, cookie) for _ in range(workers)))
    return met


async def flow(url: str, until: asyncio.Event, met: Met, *, workers: int = 2) -> None:
    """Send requests until told to stop."""

    def endless() -> Iterator[int]:
        while not until.is_set():
            yield 0

    ways = endless()
    await asyncio.gather(*(_work(url, ways, met, "", pause_s=0.025) for _ in range(workers)))


async def _work(url: str, left: Iterator[int], met: Met, cookie: str, pause_s: float = 0) -> None:
    parts = urlsplit(url)
    extra = f"cookie: {cookie}\r\n" if cookie else ""
    head = f"GET / HTTP/1.1\r\nhost: practice\r\n{extra}\r\n".encode()
    connection = None
    for _ in left:
        try:
            connection = connection or await asyncio.open_connection(parts.hostname, parts.port)
            status, body, closing = await asyncio.wait_for(_ask(*connection, head), 10)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            met.lost += 1
            connection = None
            continue
        met.statuses[status] += 1
        if found := re.search(rb"<title>logo (\w+)", body):
            version = found.group(1).decode()
        else:
            version = "3" if b"block was not confirmed" in body else ""
        if version:
            met.versions[version] += 1
        met.seen.append((time.time(), version, status))
        if closing:
            connection[1].close()
            connection = None
        await asyncio.sleep(pause_s)
    if connection:
        connection[1].close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
) -> tuple[int, bytes, bool]:
    writer.write(head)
    top = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = re.search(rb"content-length: (\d+)", top)
    body = await reader.readexactly(int(size.group(1))) if size else b""
    return int(top.split(b" ", 2)[1]), body, b"connection: close" in top
