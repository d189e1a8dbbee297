"""Errors as pages: what happened, and what to do next. Programs get what they got before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from chimera.core.banner import capital
from chimera.core.errors import (
    ChimeraError,
    NotAllowed,
    NotSignedIn,
    RequestRefused,
    RolloutConflict,
    RolloutNotFound,
    SpecError,
    TooMany,
)
from chimera.guard.refusing import refusal_of, wants_page
from chimera.web.rendering import page

Handler = Callable[[Request, Any], Awaitable[Response] | Response]

_TITLES = {
    400: "That cannot be done",
    403: "You may not do this",
    404: "There is no such page",
    405: "That page cannot do this",
    409: "Something else holds it",
    422: "What was sent cannot be used",
    429: "Too many requests",
    500: "Something went wrong inside Chimera",
    503: "Not reachable at the moment",
}
_STATUS: dict[type[ChimeraError], HTTPStatus] = {
    NotAllowed: HTTPStatus.FORBIDDEN,
    RolloutNotFound: HTTPStatus.NOT_FOUND,
    RolloutConflict: HTTPStatus.CONFLICT,
    RequestRefused: HTTPStatus.CONFLICT,
    SpecError: HTTPStatus.BAD_REQUEST,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
}


def install_errors(app: FastAPI) -> None:
    """Answer browsers with pages; others as the handlers do that are there already."""
    refusals = (NotAllowed, NotSignedIn, TooMany)
    for kind in (HTTPException, RequestValidationError, ChimeraError, *refusals):
        before = app.exception_handlers.get(kind)
        app.add_exception_handler(kind, _handler(before))


def _handler(before: Handler | None) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, NotSignedIn):
            return refusal_of(request.scope, error)
        if wants_page(request.scope) or before is None:
            return error_page(request, error)
        answer = before(request, error)
        return answer if isinstance(answer, Response) else await answer

    return handle


def error_page(request: Request, error: Exception) -> Response:
    """Return the page for an error."""
    if isinstance(error, HTTPException):
        status, text, hint = error.status_code, _said(error), "check the address"
    elif isinstance(error, RequestValidationError):
        status, text, hint = 422, _mistakes(error), "go back, and change it"
    elif isinstance(error, ChimeraError):
        status = next(
            (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS),
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
        text, hint = f"{capital(str(error))}.", error.hint
    else:
        status, text, hint = 500, "", "the controller's log has the details"
    return page(
        request,
        "error.html",
        status=status,
        code=int(status),
        title=_TITLES.get(status, HTTPStatus(status).phrase),
        text=text,
        hint=f"{capital(hint)}." if hint else "",
    )


def _mistakes(error: RequestValidationError) -> str:
    """Name each mistake by its field; never what was written, which may be a password."""
    return " ".join(f"{capital(str(one['loc'][-1]))}: {one['msg']}." for one in error.errors())


def _said(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "It was moved, or never was here."
    return f"{capital(str(error.detail))}."
