"""Writes that may be sent again: the same `Idempotency-Key` is carried out once.

The first request claims the key in the store, which all replicas share; a repeat gets the first
one's answer. An answer of 500 and above lets go of the key, so that the request can be tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute

from chimera.api.problems import (
    INVALID,
    KEY_BUSY,
    KEY_REUSED,
    SHOWN_ONCE,
    ApiError,
    problem_of,
)
from chimera.app.access import Access
from chimera.core.errors import ChimeraError
from chimera.guard import principal
from chimera.store.documents import Document

KEPT = timedelta(hours=24)
CLAIMED = timedelta(minutes=10)
PATIENCE_S = 30.0
_POLL_S = 0.1
_KIND = "idempotency"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_SHOWN_HEADERS = ("location",)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out a request. place: of its key in the store. id: as the engine sees it.

    secret: the answer holds a secret, which is not kept.
    """

    place: str
    fingerprint: str
    secret: bool

    @property
    def id(self) -> str:
        """Tell the request apart for good."""
        return self.place[:32]


class _Known(Exception):
    """The request was carried out before."""

    def __init__(self, response: Response) -> None:
        super().__init__("known")
        self.response = response


def _claiming(*, secret: bool) -> Callable[..., Coroutine[Any, Any, None]]:
    async def claim(
        request: Request,
        idempotency_key: Annotated[
            str,
            Header(
                description="Send a write again with the same key, and it is carried out once: "
                "the answer is the first one's. Kept for 24 hours; a random UUID is good.",
                max_length=200,
                examples=["7f2d7f0e-4f4b-4c55-9a3e-6e3c7f6a2b11"],
            ),
        ] = "",
    ) -> None:
        if idempotency_key:
            request.state.claim = await _claim(request, idempotency_key, secret=secret)

    return claim


IDEMPOTENT = Depends(_claiming(secret=False))
IDEMPOTENT_SECRET = Depends(_claiming(secret=True))


def request_id(request: Request) -> str:
    """Return the same id for the same idempotency key, "" without one."""
    claim: Claim | None = getattr(request.state, "claim", None)
    return claim.id if claim else ""


class Idempotent(APIRoute):
    """A route that keeps the answer to a claimed request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await handle(request)
            except _Known as known:
                return known.response
            except (ChimeraError, ApiError) as error:
                if not _claimed(request):
                    raise
                response = await problem_of(request, error)
            except Exception:
                await _let_go(request)
                raise
            except asyncio.CancelledError:
                await asyncio.shield(_let_go(request))
                raise
            return await _keep(request, response)

        return handler


def _claimed(request: Request) -> Claim | None:
    claim: Claim | None = getattr(request.state, "claim", None)
    return claim


async def _claim(request: Request, key: str, *, secret: bool) -> Claim:
    if not _KEY.fullmatch(key):
        raise ApiError(
            INVALID, "the idempotency key has 1 to 200 ASCII characters, no blanks", "use a UUID"
        )
    who = principal(request)
    place = _hash(who.kind, who.name, who.account, key)
    asked = _hash(request.method, str(request.url.path), str(request.url.query))
    body = hashlib.sha256(await request.body()).hexdigest()
    # With the key, which is kept nowhere: a body may hold a password, and hashes of it be guessed.
    claim = Claim(place, _hash(key, asked, body), secret)
    documents = _access(request).documents
    started = json.dumps({"fingerprint": claim.fingerprint})
    fresh = Document(_KIND, place, started, who.account, datetime.now(UTC) + CLAIMED)
    until = time.monotonic() + PATIENCE_S
    while not await documents.claim(fresh):
        known = await documents.get(_KIND, place)
        if known is not None:
            answer = _answer(json.loads(known.body), claim)
            if answer is not None:
                raise _Known(answer)
        if time.monotonic() > until:
            raise ApiError(
                KEY_BUSY,
                "a request with this idempotency key is being carried out",
                "ask again in a moment",
            )
        await asyncio.sleep(_POLL_S)
    return claim


def _answer(known: dict[str, Any], claim: Claim) -> Response | None:
    """Return the first request's answer, None while there is none yet; ApiError if it differs."""
    if known["fingerprint"] != claim.fingerprint:
        raise ApiError(
            KEY_REUSED,
            "this idempotency key was used for another request",
            "use a new key for each request, and the same only to send it again",
        )
    if "status" not in known:
        return None
    if known["body"] is None:
        raise ApiError(
            SHOWN_ONCE,
            "it was done already, and what it answered is shown only once",
            "make another one if the first answer was lost",
        )
    headers = {**known["headers"], "idempotent-replay": "true", "cache-control": "no-store"}
    return Response(known["body"], known["status"], headers, known["type"])


async def _keep(request: Request, response: Response) -> Response:
    claim = _claimed(request)
    if claim is None:
        return response
    if response.status_code >= 500:
        await _let_go(request)
        return response
    hidden = claim.secret and response.status_code < 300
    known = {
        "fingerprint": claim.fingerprint,
        "status": response.status_code,
        "headers": {
            name: response.headers[name] for name in _SHOWN_HEADERS if name in response.headers
        },
        "type": response.media_type or response.headers.get("content-type", ""),
        "body": None if hidden else bytes(response.body).decode(),
    }
    until = datetime.now(UTC) + KEPT
    document = Document(_KIND, claim.place, json.dumps(known), principal(request).account, until)
    await _access(request).documents.put(document)
    return response


async def _let_go(request: Request) -> None:
    claim = _claimed(request)
    if claim is not None:
        await _access(request).documents.delete(_KIND, claim.place)


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access
