"""Saying no: a problem document to programs, a plain page or the way to sign in to people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from chimera.core.errors import ChimeraError, NotAllowed, NotSignedIn, TooMany

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title} - Chimera</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<main><h1>{title}</h1><p>{detail}</p><p>{hint}</p><p><a href="/">Chimera</a></p></main></html>
"""


def refusal(
    scope: Scope,
    status: HTTPStatus,
    detail: str,
    *,
    hint: str = "",
    kind: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a refusal in the form that the client reads. kind: the end of the problem's type."""
    if wants_page(scope):
        words = {"title": status.phrase, "detail": _sentence(detail), "hint": _sentence(hint)}
        body = _PAGE.format(**{name: escape(word) for name, word in words.items()})
        return Response(body, status, dict(headers or {}), "text/html; charset=utf-8")
    type_ = f"urn:chimera:problem:{kind}" if kind else "about:blank"
    problem = {"type": type_, "title": status.phrase, "status": status, "detail": detail}
    if hint:
        problem["hint"] = hint
    return Response(json.dumps(problem), status, dict(headers or {}), "application/problem+json")


def refusal_of(scope: Scope, error: ChimeraError) -> Response:
    """Return the refusal for NotSignedIn, NotAllowed or TooMany."""
    if isinstance(error, NotSignedIn):
        return _sign_in_first(scope, error)
    if isinstance(error, TooMany):
        after = {"retry-after": str(int(error.retry_after.total_seconds()))}
        status = HTTPStatus.TOO_MANY_REQUESTS
        return refusal(scope, status, str(error), hint=error.hint, kind="too-many", headers=after)
    if isinstance(error, NotAllowed):
        status, kind = HTTPStatus.FORBIDDEN, "not-allowed"
    else:
        status, kind = HTTPStatus.BAD_REQUEST, ""
    return refusal(scope, status, str(error), hint=error.hint, kind=kind)


def _sign_in_first(scope: Scope, error: ChimeraError) -> Response:
    headers = Headers(scope=scope)
    path = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
    if headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"hx-redirect": "/sign-in"})
    if wants_page(scope) and scope["method"] in {"GET", "HEAD"}:
        where = "/sign-in" if path == "/" else f"/sign-in?next={quote(path, safe='')}"
        return Response(status_code=303, headers={"location": where})
    challenge = {"www-authenticate": 'Bearer realm="chimera"'}
    status = HTTPStatus.UNAUTHORIZED
    return refusal(
        scope, status, str(error), hint=error.hint, kind="not-signed-in", headers=challenge
    )


def wants_page(scope: Scope) -> bool:
    """Whether a person reads the answer in a browser."""
    accepts = Headers(scope=scope).get("accept", "")
    return "text/html" in accepts and not scope["path"].startswith("/api/")


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""
