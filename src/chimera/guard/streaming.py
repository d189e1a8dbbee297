"""Streams of Server-Sent Events, for as long as whoever watches may look.

A stream ends by itself after `LONGEST`, so that a client comes back with its cursor; within
`CHECK_S` of its viewer's sign-out, or loss of the account or the role; and `STALLED_S` after its
client has stopped reading, since nothing is kept for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import timedelta

from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from chimera.core.access import Principal, Role
from chimera.core.errors import LedgerError
from chimera.guard.caller import principal
from chimera.guard.identity import found_again

LONGEST = timedelta(minutes=15)
STALLED_S, BEAT_S, CHECK_S = 30.0, 15.0, 2.0
_RETRY_MS = 500


class EventStream(StreamingResponse):
    """An answer that does not wait for ever for a client that has stopped reading."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes], status_code: int = 200) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, status_code, headers)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, each piece within `STALLED_S`."""

        async def sending(message: Message) -> None:
            async with asyncio.timeout(STALLED_S):
                await send(message)

        async with aclosing(self._events):
            with suppress(TimeoutError):
                await super().__call__(scope, receive, sending)


class Viewer:
    """Who watches a stream. principal: with the roles of now. service: whose it is, "" for all."""

    def __init__(self, request: HTTPConnection, service: str = "") -> None:
        self.principal: Principal = principal(request)
        self._request = request
        self._service = service

    async def may_look(self) -> bool:
        """Find out anew who it is, and whether such a one may look."""
        try:
            found = await found_again(self._request.scope, self._request.app.state.access)
        except LedgerError:
            return True  # which the stream itself tells; nobody has lost anything
        if found is None:
            return False
        self.principal = found
        if self._service:
            return found.may(Role.VIEWER, self._service)
        return found.may_somewhere(Role.VIEWER)


def event(data: str | bytes, *, name: str = "", id_: str = "") -> bytes:
    """Return one event. name: "" for HTML that goes straight into a page. id_: the cursor."""
    text = data if isinstance(data, bytes) else data.encode()
    head = [f"event: {name}".encode()] if name else []
    head += [f"id: {id_}".encode()] if id_ else []
    return b"\n".join([*head, *(b"data: " + line for line in text.splitlines()), b"", b""])


def streamed(events: AsyncGenerator[bytes], viewer: Viewer) -> EventStream:
    """Answer with these events as they come, and a sign of life whenever none does."""
    return EventStream(kept_alive(events, viewer))


async def kept_alive(events: AsyncGenerator[bytes], viewer: Viewer) -> AsyncGenerator[bytes]:
    """Yield events and signs of life until the stream is late or its viewer may look no more."""
    loop = asyncio.get_running_loop()
    began = checked = said = loop.time()
    yield f"retry: {_RETRY_MS}\n\n".encode()
    async with aclosing(events):
        coming: asyncio.Future[bytes] | None = None
        try:
            while loop.time() - began < LONGEST.total_seconds():
                coming = coming or asyncio.ensure_future(anext(events))
                done, _ = await asyncio.wait({coming}, timeout=min(CHECK_S, BEAT_S))
                if loop.time() - checked >= CHECK_S:
                    checked = loop.time()
                    if not await viewer.may_look():
                        return
                if done:
                    try:
                        message = coming.result()
                    except StopAsyncIteration:
                        return
                    finally:
                        coming = None
                    yield message
                    said = loop.time()
                elif loop.time() - said >= BEAT_S:
                    yield b": still here\n\n"
                    said = loop.time()
        finally:
            if coming is not None:
                coming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await coming
