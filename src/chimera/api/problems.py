"""Errors as RFC 9457 problem documents: what is wrong, and as `hint` what to do next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pydantic_core
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from chimera.core import errors as e

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_SPACE = "urn:chimera:problem:"


class Problem(BaseModel):
    """What went wrong, as in RFC 9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="The kind of problem; programs tell problems apart by it.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What is wrong this time, one sentence.")
    instance: str = Field(default="", description="The path that was asked.")
    hint: str = Field(default="", description="What to do next.")
    problems: list[str] = Field(default=[], description="One line per mistake, with its place.")
    rollout: str = Field(default="", description="The rollout that is in the way.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. name: the end of its type."""

    name: str
    status: HTTPStatus
    title: str

    @property
    def type(self) -> str:
        """What programs tell it by."""
        return _SPACE + self.name


NOT_FOUND = Kind("not-found", HTTPStatus.NOT_FOUND, "There is no such thing")
# The most special first: an error is of the first kind that fits.
KINDS: Mapping[type[Exception], Kind] = {
    e.SpecError: Kind("spec", HTTPStatus(422), "The spec or an argument is wrong"),
    e.UnknownAdapter: Kind("unknown-adapter", HTTPStatus(422), "There is no such platform"),
    e.RolloutConflict: Kind("conflict", HTTPStatus.CONFLICT, "Something else is in the way"),
    e.RolloutNotFound: NOT_FOUND,
    e.RequestRefused: Kind("refused", HTTPStatus.CONFLICT, "Its state does not allow this"),
    e.NotSignedIn: Kind("not-signed-in", HTTPStatus.UNAUTHORIZED, "Nobody is signed in"),
    e.NotAllowed: Kind("not-allowed", HTTPStatus.FORBIDDEN, "A role is missing"),
    e.TooMany: Kind("too-many", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    e.SecretsLocked: Kind(
        "secrets-locked", HTTPStatus.SERVICE_UNAVAILABLE, "Secrets cannot be read with this key"
    ),
    e.LedgerError: Kind("ledger", HTTPStatus.SERVICE_UNAVAILABLE, "The ledger does not answer"),
    e.EngineError: Kind("engine", HTTPStatus.SERVICE_UNAVAILABLE, "The engine does not answer"),
    e.ProviderDenied: Kind(
        "provider-denied", HTTPStatus.FAILED_DEPENDENCY, "The platform denies it to Chimera"
    ),
    e.ProviderRefused: Kind(
        "provider-refused", HTTPStatus.FAILED_DEPENDENCY, "The platform refuses it"
    ),
    e.ProviderUnavailable: Kind(
        "provider-unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "The platform does not answer"
    ),
    e.ProviderError: Kind("provider", HTTPStatus.FAILED_DEPENDENCY, "The platform failed"),
    e.ChimeraError: Kind("failed", HTTPStatus.INTERNAL_SERVER_ERROR, "It could not be done"),
}
INVALID = Kind("invalid", HTTPStatus(422), "The request is not as the API describes it")
INTERNAL = Kind("internal", HTTPStatus.INTERNAL_SERVER_ERROR, "A fault in Chimera")
KEY_REUSED = Kind("key-reused", HTTPStatus(422), "The idempotency key was used for something else")
KEY_BUSY = Kind("key-busy", HTTPStatus.CONFLICT, "The same request is being carried out")
SHOWN_ONCE = Kind("shown-once", HTTPStatus.CONFLICT, "A secret is shown only once")
OWN_KINDS = (INVALID, INTERNAL, KEY_REUSED, KEY_BUSY, SHOWN_ONCE)


class ApiError(Exception):
    """A problem that only the API knows."""

    def __init__(self, kind: Kind, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.hint = hint


def kind_of(error: Exception) -> Kind:
    """Return the kind of an error."""
    return next((kind for base, kind in KINDS.items() if isinstance(error, base)), INTERNAL)


def problem(
    kind: Kind, detail: str, instance: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return a problem document; of `more` what is empty is left out."""
    said = {"type": kind.type, "title": kind.title, "status": int(kind.status), "detail": detail}
    body = {**said, "instance": instance, **{key: value for key, value in more.items() if value}}
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(pydantic_core.to_json(body), int(kind.status), kept, MEDIA_TYPE)


async def problem_of(request: Request, error: Exception) -> Response:
    """Return the problem document of any error; one that nobody foresaw goes to the log."""
    path = request.url.path
    if isinstance(error, HTTPException):
        return _http(error, path)
    if isinstance(error, RequestValidationError):
        return _invalid(error, path)
    if isinstance(error, ApiError):
        headers = {"retry-after": "1"} if error.kind is KEY_BUSY else {}
        return problem(error.kind, str(error), path, headers=headers, hint=error.hint)
    if isinstance(error, e.ChimeraError):
        return _ours(error, path)
    log.exception("api.failed", extra={"path": path}, exc_info=error)
    return problem(INTERNAL, "internal error", path, hint="the controller's log has the details")


def _ours(error: e.ChimeraError, path: str) -> Response:
    kind = kind_of(error)
    headers = {}
    if isinstance(error, e.NotSignedIn):
        headers["www-authenticate"] = 'Bearer realm="chimera"'
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        headers["retry-after"] = str(max(1, round(wait.total_seconds())))
    return problem(
        kind,
        str(error),
        path,
        headers=headers,
        hint=error.hint,
        problems=list(getattr(error, "problems", ())),
        rollout=getattr(error, "rollout", ""),
    )


def _http(error: HTTPException, path: str) -> Response:
    status = HTTPStatus(error.status_code)
    name = status.phrase.lower().replace(" ", "-")
    hints = {404: "docs/reference/api.md lists the paths", 405: "see the header Allow"}
    kind = Kind("http-" + name if status != HTTPStatus.NOT_FOUND else "no-such-path", status, "")
    kind = Kind(kind.name, status, status.phrase)
    detail = f"there is nothing at {path}" if status == HTTPStatus.NOT_FOUND else error.detail
    headers = dict(error.headers or {})
    return problem(kind, detail, path, headers=headers, hint=hints.get(status, ""))


def _invalid(error: RequestValidationError, path: str) -> Response:
    """Name each mistake by its place; never what was given, which may be a password."""
    lines = [
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    ]
    hint = "docs/reference/api.md describes the request"
    return problem(INVALID, INVALID.title.lower(), path, hint=hint, problems=lines)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for the OpenAPI document."""
    always = (400, 401, 403, 413, 422, 429, 500, 503)
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*always, *statuses})
    }
