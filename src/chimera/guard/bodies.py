"""Bodies: not larger than the limit, with or without a length, and not slower than the deadline."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chimera.app.doors import GuardSettings
from chimera.guard.refusing import refusal

_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
_SLOW = HTTPStatus.REQUEST_TIMEOUT
_DRAINED, _DRAIN_S = 20_000_000, 2.0
_WORDS = {
    _LARGE: ("the request is too large", "send less than 1 MB"),
    _SLOW: ("the request came too slowly", "try again"),
}


class Bodies:
    """Refuses bodies that are too large or too slow."""

    def __init__(self, app: ASGIApp, settings: GuardSettings) -> None:
        self._app = app
        self._most = settings.max_body
        self._patience_s = settings.body_timeout.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._announced(scope) > self._most:
            await _refuse(scope, receive, send, _LARGE)
            return
        one = _Body(self._most, asyncio.get_running_loop().time() + self._patience_s, receive)
        started = False

        async def sending(message: Message) -> None:
            # Whatever the application made of the broken body, the client learns what was wrong.
            nonlocal started
            if one.refused and not started:
                return
            started = True
            await send(message)

        try:
            await self._app(scope, one.receive, sending)
        except HTTPException:
            if not one.refused:
                raise
        if one.refused and not started:
            await _refuse(scope, receive, send, one.refused)

    def _announced(self, scope: Scope) -> int:
        lengths = [value for key, value in scope["headers"] if key == b"content-length"]
        known = all(value.isdigit() and len(value) < 20 for value in lengths)
        return max(map(int, lengths), default=0) if known else self._most + 1


class _Body:
    def __init__(self, most: int, deadline: float, receive: Receive) -> None:
        self.refused: HTTPStatus | None = None
        self._left = most
        self._deadline = deadline
        self._receive = receive
        self._more = True

    async def receive(self) -> Message:
        """Return the next part; HTTPException once it is too much or too late."""
        if not self._more:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(_SLOW) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._more = message.get("more_body", False)
            if self._left < 0:
                raise self._refuse(_LARGE)
        return message

    def _refuse(self, status: HTTPStatus) -> HTTPException:
        self.refused = status
        return HTTPException(status)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: HTTPStatus) -> None:
    if status is _LARGE:
        await _drain(receive)
    detail, hint = _WORDS[status]
    response = refusal(scope, status, detail, hint=hint, headers={"connection": "close"})
    await response(scope, receive, send)


async def _drain(receive: Receive) -> None:
    """Throw away a part of what still comes: a client that is cut off does not read the answer."""
    left = _DRAINED
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
