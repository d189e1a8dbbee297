"""Event streams stay open, so there are only so many: of one user, and of all."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chimera.app.doors import GuardSettings
from chimera.core.errors import TooMany
from chimera.guard.caller import caller_of
from chimera.guard.refusing import refusal_of

_WAIT = timedelta(seconds=10)


class Streams:
    """Counts the answers that are event streams, and refuses those beyond the limits."""

    def __init__(self, app: ASGIApp, settings: GuardSettings) -> None:
        self._app = app
        self._settings = settings
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        account = caller_of(scope).account
        counted = refused = False

        async def sending(message: Message) -> None:
            nonlocal counted, refused
            if message["type"] == "http.response.start" and _is_stream(message):
                if self._full(account):
                    refused = True
                    error = TooMany(
                        "too many live views are open",
                        retry_after=_WAIT,
                        hint="close some tabs of Chimera",
                    )
                    await refusal_of(scope, error)(scope, receive, send)
                else:
                    counted = True
                    self._open[account] += 1
            if refused:
                raise OSError("refused")  # as if the client had gone: the stream ends itself
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except (OSError, ClientDisconnect):
            if not refused:
                raise
        finally:
            if counted:
                self._open[account] -= 1
                self._open += Counter()  # forgets those at zero

    def _full(self, account: str) -> bool:
        mine, all_of_them = self._open[account], self._open.total()
        return mine >= self._settings.streams_per_user or all_of_them >= self._settings.streams


def _is_stream(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return kind.startswith("text/event-stream")
