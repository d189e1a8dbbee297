"""Answering only to one's own names: a page of another name cannot reach in by DNS rebinding."""

from __future__ import annotations

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from chimera.app.doors import GuardSettings
from chimera.guard.refusing import refusal


class Hosts:
    """Refuses what is addressed to another host."""

    def __init__(self, app: ASGIApp, settings: GuardSettings) -> None:
        self._app = app
        self._names = settings.names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and not self._mine(scope):
            response = refusal(
                scope,
                HTTPStatus.MISDIRECTED_REQUEST,
                "Chimera does not answer to this name",
                hint="open it by the address it printed, or add the name to CHIMERA_ALLOWED_HOSTS",
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _mine(self, scope: Scope) -> bool:
        given = [value for key, value in scope["headers"] if key == b"host"]
        if len(given) != 1:
            return False
        host = given[0].decode("latin-1").lower()
        name, colon, port = host.rpartition(":")
        if not colon or port.endswith("]"):
            name, port = host, ""
        elif not (port.isascii() and port.isdigit()):
            return False
        return host in self._names or name in self._names
