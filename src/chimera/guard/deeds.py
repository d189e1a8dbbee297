"""Every deed of somebody who is known goes into the audit trail, whatever its handler forgot.

A handler that notes it itself, in better words, is not repeated.
"""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chimera.app.access import Access, Actor
from chimera.app.access.audit import listening
from chimera.core.errors import ChimeraError
from chimera.guard.caller import caller_of
from chimera.guard.rules import SAFE

log = logging.getLogger(__name__)

# Nothing was done, and it was nothing that one may not do.
_NOTHING = frozenset({404, 405, 422, 429})


class Deeds:
    """Notes who asked for what that changes something, and how it ended."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with listening() as noted:
            try:
                await self._app(scope, receive, sending)
            finally:
                if not noted:
                    await self._note(scope, status)

    async def _note(self, scope: Scope, status: int) -> None:
        caller = caller_of(scope)
        if caller.principal is None or not caller.deed or status in _NOTHING:
            return
        outcome = "failed" if status >= 500 else "refused" if status >= 400 else "done"
        action = f"{scope['method']} {scope['path']}"[:200]
        by = Actor(caller.principal.name, caller.source)
        try:
            await self._access.audit.note(by, action, caller.service, outcome=outcome)
        except ChimeraError:
            # The deed is done: that it could not be written down is all there is left to say.
            log.exception("guard.not_noted", extra={"who": by.name, "action": action})
