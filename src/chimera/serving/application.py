"""One application: the API, the page, and the guard before both."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from chimera import __version__, api, guard, web
from chimera.api.metrics import HttpMetrics, Measured, Named
from chimera.api.problems import ApiError
from chimera.app.access import Access
from chimera.app.doors import GuardSettings
from chimera.app.operations import Chimera
from chimera.core.errors import ChimeraError, NotAllowed, NotSignedIn, TooMany
from chimera.guard.refusing import wants_page
from chimera.web.errors import error_page


def build_app(chimera: Chimera, access: Access, settings: GuardSettings) -> FastAPI:
    """Return the application. `app.state.live` is to be closed when it is served no more.

    settings: with the port that it is really reached at.
    """
    app = FastAPI(
        title="Chimera",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.chimera = chimera
    app.state.access = access
    app.state.settings = settings
    app.state.live = chimera.hub()
    app.state.metrics = HttpMetrics()
    refusals = (NotSignedIn, NotAllowed, TooMany)
    for kind in (HTTPException, ChimeraError, *refusals, ApiError, RequestValidationError):
        app.add_exception_handler(kind, api.problem_of)
    # As they are, not included anew: to prepare them takes 0.2 s, once a process.
    app.router.routes.extend(api.routes().routes)
    web.install(app)
    app.add_middleware(Named, named=app)
    guard.install(app, access, settings)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_middleware(Measured, metrics=app.state.metrics)
    return app


async def _unforeseen(request: Request, error: Any) -> Response:
    """Answer what nobody foresaw; never a traceback."""
    answer = await api.problem_of(request, error)
    return error_page(request, error) if wants_page(request.scope) else answer
