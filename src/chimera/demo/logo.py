"""The practice service: a page with a logo, in three versions. Needs nothing but Python.

    1  black and white
    2  in colour
    3  "blockchain edition", which answers 500 to some requests

Run one alone: `python logo.py --port 8001 --version 2`, then open http://127.0.0.1:8001/.
`--errors` and `--latency` change how it fails, so that any fault can be practised.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import random
import signal
from contextlib import suppress

COLOURS = {
    "1": ("#111111", "#666666", "#cccccc", "black and white"),
    "2": ("#c0362c", "#2f62c9", "#e3b04b", "in colour"),
    "3": ("#7b2ff7", "#00c2a8", "#f107a3", "blockchain edition"),
}
ERRORS = {"3": 0.10}
HEALTH = "/healthz"

# A chimera's three heads as three shapes: lion's mane, goat's horns, serpent's tail.
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" width="200" height="200">
<circle cx="100" cy="92" r="58" fill="{a}"/><circle cx="100" cy="92" r="36" fill="#ffffff"/>
<path d="M58 52 Q30 8 74 26 L84 44Z M142 52 Q170 8 126 26 L116 44Z" fill="{b}"/>
<circle cx="87" cy="86" r="6" fill="#111111"/><circle cx="113" cy="86" r="6" fill="#111111"/>
<path d="M88 108 Q100 118 112 108" stroke="#111111" stroke-width="5" fill="none"/>
<path d="M58 140 Q24 188 92 176 T176 150" stroke="{c}" stroke-width="14" fill="none"
 stroke-linecap="round"/></svg>"""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>logo {version}</title>
<body style="font-family:sans-serif;text-align:center;margin-top:10vh">{logo}
<h1>logo, version {version}</h1><p>{words}</p></body></html>"""


def logo(version: str) -> str:
    """Return the version's logo as SVG."""
    a, b, c, _ = COLOURS.get(version, COLOURS["1"])
    return LOGO.format(a=a, b=b, c=c)


def page(version: str) -> str:
    """Return the version's page."""
    words = COLOURS.get(version, ("", "", "", "a version of its own"))[3]
    return PAGE.format(version=html.escape(version), logo=logo(version), words=words)


class LogoService:
    """Serves the page; error_rate: share of answers that are 500; latency_s: before each answer."""

    def __init__(self, version: str, error_rate: float, latency_s: float) -> None:
        self._version = version
        self._error_rate = error_rate
        self._latency_s = latency_s
        self._stopping = asyncio.Event()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self, port: int, address: str = "127.0.0.1") -> None:
        """Serve until SIGTERM, then finish what is in flight."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        server = await asyncio.start_server(self._connection, address, port, backlog=1024)
        print(f"logo {self._version} on port {port}", flush=True)
        async with server:
            await self._stopping.wait()
            server.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await self._idle.wait()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while not self._stopping.is_set():
                head = await reader.readuntil(b"\r\n\r\n")
                self._busy += 1
                self._idle.clear()
                try:
                    await self._answer(head.decode("latin-1"), writer)
                finally:
                    self._busy -= 1
                    if not self._busy:
                        self._idle.set()
        writer.close()

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        path = head.split(" ", 2)[1] if head.count(" ") > 1 else "/"
        status, kind, body = self._content(path)
        if path != HEALTH and self._latency_s:
            await asyncio.sleep(self._latency_s)
        payload = body.encode()
        closing = "connection: close\r\n" if self._stopping.is_set() else ""
        writer.write(
            f"HTTP/1.1 {status}\r\nx-version: {self._version}\r\n"
            f"content-type: {kind}; charset=utf-8\r\n"
            f"content-length: {len(payload)}\r\n{closing}\r\n".encode()
            + payload
        )
        await writer.drain()

    def _content(self, path: str) -> tuple[str, str, str]:
        if path == HEALTH:
            return "200 OK", "text/plain", "ok"
        if random.random() < self._error_rate:  # noqa: S311 - a practice fault, not a secret
            return "500 Internal Server Error", "text/plain", "the block was not confirmed\n"
        if path == "/logo.svg":
            return "200 OK", "image/svg+xml", logo(self._version)
        return "200 OK", "text/html", page(self._version)


def main() -> None:
    """Run the service from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--version", default="1")
    parser.add_argument("--errors", type=float, help="share of requests to fail, 0 to 1")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    given = parser.parse_args()
    rate = ERRORS.get(given.version, 0.0) if given.errors is None else given.errors
    asyncio.run(LogoService(given.version, rate, given.latency).serve(given.port, given.address))


if __name__ == "__main__":
    main()
