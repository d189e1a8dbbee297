"""Finding who asks, by a bearer token or the session's cookie, and whether a page of ours asked."""

from __future__ import annotations

from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chimera.app.access import Access
from chimera.app.doors import GuardSettings
from chimera.core.access import Principal
from chimera.core.errors import NotSignedIn, TooMany
from chimera.guard.caller import VISITOR, Caller, caller_of
from chimera.guard.cookies import cookie_header
from chimera.guard.refusing import refusal, refusal_of
from chimera.guard.rules import SAFE

# A token is never more than it was made for: on the pages, where its owner makes tokens and sets a
# password, it may read and is otherwise nobody.
FOR_TOKENS = "/api/"


class Identity:
    """Fills in the caller; sets the cookie of a visitor that was shown a form."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        try:
            await self._find(scope, caller)
        except TooMany as error:
            await refusal_of(scope, error)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and caller.new_cookie:
                value = cookie_header(caller, caller.new_cookie)
                MutableHeaders(scope=message).append("set-cookie", value)
            await send(message)

        await self._app(scope, receive, sending)

    async def _find(self, scope: Scope, caller: Caller) -> None:
        headers = Headers(scope=scope)
        token = _token(headers)
        if token is not None:
            caller.bearer = True
            if scope["method"] not in SAFE and not scope["path"].startswith(FOR_TOKENS):
                caller.problem = NotSignedIn(
                    "what pages do is for people, tokens are for the API", hint="use /api/v1"
                )
                return
            try:
                caller.principal = await self._access.tokens.find(token, source=caller.source)
            except NotSignedIn as error:
                caller.problem = error
            return
        caller.cookie = _cookie(headers, caller.cookie_name)
        if caller.cookie and not caller.cookie.startswith(VISITOR):
            caller.session = await self._access.sessions.find(caller.cookie)
            if caller.session is not None:
                caller.principal = caller.session.principal
            else:
                caller.problem = NotSignedIn("your session is over", hint="sign in again")


async def found_again(scope: Scope, access: Access) -> Principal | None:
    """Return who makes a request that takes long, as of now; None if that is nobody any more."""
    caller = caller_of(scope)
    if not caller.bearer:
        session = await access.sessions.find(caller.cookie)
        return session.principal if session else None
    try:
        return await access.tokens.find(_token(Headers(scope=scope)) or "", source=caller.source)
    except (NotSignedIn, TooMany):
        return None


class Origins:
    """Refuses a write that a browser sends from a page of another site."""

    def __init__(self, app: ASGIApp, settings: GuardSettings) -> None:
        self._app = app
        self._public = settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and scope["method"] not in SAFE and not self._ours(scope):
            response = refusal(
                scope,
                HTTPStatus.FORBIDDEN,
                "this request came from a page of another site",
                hint="use Chimera's own pages; programs send a token instead of a cookie",
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        caller, headers = caller_of(scope), Headers(scope=scope)
        if caller.bearer:
            return True
        origin = headers.get("origin")
        if origin is not None:
            return self._same(scope, headers, origin)
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        referer = headers.get("referer")
        if referer is not None:
            parts = urlsplit(referer)
            return self._same(scope, headers, f"{parts.scheme}://{parts.netloc}")
        return not caller.cookie

    def _same(self, scope: Scope, headers: Headers, origin: str) -> bool:
        own = f"{scope['scheme']}://{headers['host']}"
        return origin.lower() in {own.lower(), self._public} - {""}


def _token(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _cookie(headers: Headers, name: str) -> str:
    for line in headers.getlist("cookie"):
        try:
            found = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if found is not None:
            return found.value[:200]
    return ""
