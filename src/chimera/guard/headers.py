"""Headers on every answer, errors too: what a browser may do with it is very little."""

from __future__ import annotations

import logging
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chimera.core.errors import LedgerError
from chimera.guard.caller import caller_of
from chimera.guard.refusing import refusal

log = logging.getLogger(__name__)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# A report is one file with its own style, sent to colleagues: it may do nothing else at all.
REPORT_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox"
)
_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: browsers would then send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}


class SecurityHeaders:
    """Adds the headers that are not there yet; turns an unforeseen error into a plain refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        secure = caller_of(scope).secure

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if secure:
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _say(scope, error)
            if started:
                raise
            await _broken(scope, error)(scope, receive, sending)


def _say(scope: Scope, error: Exception) -> None:
    if isinstance(error, LedgerError):
        log.warning("guard.no_store", extra={"path": scope["path"], "reason": str(error)})
    else:
        log.error("guard.unforeseen", exc_info=error, extra={"path": scope["path"]})


def _broken(scope: Scope, error: Exception) -> Response:
    """Return the answer to what could not be foreseen; a stranger learns nothing of its cause."""
    if isinstance(error, LedgerError):
        return refusal(
            scope,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Chimera cannot use its database now; rollouts go on, and back if they must",
            hint="try again in a moment; the controller's log says why",
        )
    return refusal(
        scope,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "something went wrong inside Chimera",
        hint="the controller's log has the details",
    )
