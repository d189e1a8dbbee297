"""Who makes a request: found once per request, then read by rules and handlers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import Scope

from chimera.app.access import Actor, Session
from chimera.app.access.hashing import new_secret
from chimera.core.access import Principal
from chimera.core.errors import ChimeraError, NotSignedIn

_KEY = "chimera.caller"
VISITOR = "v."


@dataclass(slots=True)
class Caller:
    """source: the address. cookie: the secret in the browser's cookie, of a session or a visitor.

    bearer: it came with a token in a header, which no other site can make a browser send.
    problem: why what it came with is not valid. new_cookie: to be set with the response. service:
    what it is about. deed: it changes something, and so belongs into the audit trail.
    """

    source: str
    secure: bool
    principal: Principal | None = None
    session: Session | None = None
    cookie: str = ""
    bearer: bool = False
    problem: ChimeraError | None = None
    new_cookie: str = ""
    service: str = ""
    deed: bool = True

    @property
    def account(self) -> str:
        """Whose limits this counts towards: the user's, or the address's."""
        return f"user {self.principal.account}" if self.principal else f"from {self.source}"

    @property
    def cookie_name(self) -> str:
        """`__Host-` binds the cookie to this very host, where https makes that possible."""
        return cookie_name(secure=self.secure)

    def csrf(self) -> str:
        """Return the token that a form of this browser must carry."""
        if not self.cookie:
            self.cookie = self.new_cookie = VISITOR + new_secret()
        made = hmac.new(self.cookie.encode(), b"csrf", hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def proves(self, csrf: str) -> bool:
        """Whether a form's token is this browser's."""
        return bool(self.cookie) and hmac.compare_digest(self.csrf().encode(), csrf.encode())


def cookie_name(*, secure: bool) -> str:
    """Return the name of the session's cookie."""
    return "__Host-chimera" if secure else "chimera"


def set_caller(scope: Scope, caller: Caller) -> None:
    """Remember who makes this request."""
    scope[_KEY] = caller


def caller_of(scope: Scope) -> Caller:
    """Return who makes this request."""
    caller: Caller = scope[_KEY]
    return caller


def principal(request: HTTPConnection) -> Principal:
    """Return who is signed in; NotSignedIn if nobody is, which no route with a role lets happen."""
    found = caller_of(request.scope).principal
    if found is None:
        raise NotSignedIn("nobody is signed in", hint="sign in first")
    return found


def signed_in(request: HTTPConnection) -> Principal | None:
    """Return who is signed in, or None: for pages that are open to all."""
    return caller_of(request.scope).principal


def actor(request: HTTPConnection) -> Actor:
    """Return who acts and from where, for the audit trail."""
    caller = caller_of(request.scope)
    return Actor(caller.principal.name if caller.principal else "", caller.source)


def about(request: HTTPConnection, service: str) -> None:
    """Say which service a request is about, where its rule cannot know: for the audit trail."""
    caller_of(request.scope).service = service


def deed(request: HTTPConnection, service: str = "") -> None:
    """Say that a request changes something, where its rule cannot know: for the audit trail."""
    caller = caller_of(request.scope)
    caller.deed, caller.service = True, service


def csrf_token(request: HTTPConnection) -> str:
    """Return the token for this browser's forms: field `csrf`, or header `X-CSRF-Token`."""
    return caller_of(request.scope).csrf()
