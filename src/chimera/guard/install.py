"""Putting the guard before an application: its middlewares, in order, and its refusals."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chimera.app.access import Access
from chimera.app.doors import GuardSettings
from chimera.core.errors import ChimeraError, NotAllowed, NotSignedIn, TooMany
from chimera.guard.bodies import Bodies
from chimera.guard.deeds import Deeds
from chimera.guard.forwarded import Forwarded
from chimera.guard.headers import SecurityHeaders
from chimera.guard.hosts import Hosts
from chimera.guard.identity import Identity, Origins
from chimera.guard.rates import Rates
from chimera.guard.refusing import refusal_of
from chimera.guard.rules import unruled
from chimera.guard.streams import Streams


def install(app: FastAPI, access: Access, settings: GuardSettings) -> None:
    """Guard an application: every request passes these, the last one named first.

    Routes may be added later; one without a rule stops every request, so that none is forgotten.
    """
    app.state.access, app.state.guard = access, settings
    app.add_middleware(Ruled, guarded=app)
    app.add_middleware(Streams, settings=settings)
    app.add_middleware(Rates, access=access, settings=settings)
    app.add_middleware(Origins, settings=settings)
    app.add_middleware(Deeds, access=access)
    app.add_middleware(Identity, access=access)
    app.add_middleware(Bodies, settings=settings)
    app.add_middleware(Hosts, settings=settings)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Forwarded, settings=settings)
    for error in (NotSignedIn, NotAllowed, TooMany):
        app.exception_handlers.setdefault(error, _refuse)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, ChimeraError)  # noqa: S101 - registered for those only
    return refusal_of(request.scope, error)


class Ruled:
    """Serves nothing while any route has no rule."""

    def __init__(self, app: ASGIApp, guarded: FastAPI) -> None:
        self._app = app
        self._guarded = guarded
        self._checked = -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        routes = self._guarded.routes
        if len(routes) != self._checked:
            shut = sorted(set(unruled(routes)))
            if shut:
                raise RuntimeError(
                    f"routes without exactly one rule (PUBLIC or requires(...)): {', '.join(shut)}"
                )
            self._checked = len(routes)
        await self._app(scope, receive, send)
