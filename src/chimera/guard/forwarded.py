"""What a proxy says about a request is believed only of the proxies that the operator declared."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chimera.app.doors import GuardSettings
from chimera.guard.caller import Caller, set_caller

_STRIPPED = (b"x-forwarded-", b"x-real-ip", b"forwarded")


class Forwarded:
    """Finds the caller's address and scheme; removes every header that could lie about them."""

    def __init__(self, app: ASGIApp, settings: GuardSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; websockets, of which there are none, are closed."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        source, scheme, host = self._origin(scope)
        kept = [(key, value) for key, value in scope["headers"] if not key.startswith(_STRIPPED)]
        if host:
            kept = [(key, value) for key, value in kept if key != b"host"]
            kept.append((b"host", host.encode("latin-1", "replace")))
        inner = dict(scope, headers=kept, scheme=scheme)
        secure = scheme == "https" or self._settings.secure
        set_caller(inner, Caller(source=source, secure=secure))
        await self._app(inner, receive, send)

    def _origin(self, scope: Scope) -> tuple[str, str, str]:
        """Return the caller's address, its scheme, and the host if the proxy names another."""
        client = scope.get("client")
        source = client[0] if client else "unix"
        if not self._trusts(source):
            return source, scope["scheme"], ""
        headers = Headers(scope=scope)
        scheme = _last(headers, "x-forwarded-proto")
        for hop in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
            if not _is_address(hop.strip()):
                break
            source = hop.strip()
            if not self._trusts(source):
                break
        known = scheme if scheme in {"http", "https"} else scope["scheme"]
        return source, known, _last(headers, "x-forwarded-host")

    def _trusts(self, address: str) -> bool:
        if not self._settings.trusted_proxy or not _is_address(address):
            return False
        found = ip_address(address)
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._settings.trusted_proxy)


def _last(headers: Headers, name: str) -> str:
    """Return the value that the nearest proxy wrote."""
    return ",".join(headers.getlist(name)).rpartition(",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
