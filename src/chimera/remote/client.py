"""Calls of the API: answers typed, problems as the errors that they were over there."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from chimera import __version__
from chimera.app.login import Login
from chimera.app.masking import adapter
from chimera.core import errors as e

T = TypeVar("T")
_PREFIX = "/api/v1"
_TRIES, _PAUSE_S = 4, 0.5
_TIMEOUT = httpx.Timeout(60, connect=10)
_LOST_S = 60.0
_BEAT_S = 45.0  # the server says something at least every 15 s
_ERRORS: dict[str, type[e.ChimeraError]] = {
    "refused": e.RequestRefused,
    "not-found": e.RolloutNotFound,
    "not-signed-in": e.NotSignedIn,
    "not-allowed": e.NotAllowed,
    "ledger": e.LedgerError,
    "engine": e.EngineError,
}
_PROVIDERS: dict[str, type[e.ProviderError]] = {
    "provider-denied": e.ProviderDenied,
    "provider-refused": e.ProviderRefused,
    "provider-unavailable": e.ProviderUnavailable,
    "provider": e.ProviderError,
}


class ApiClient:
    """One connection to another Chimera; every failure is a ChimeraError."""

    def __init__(self, login: Login) -> None:
        self.login = login
        headers = {"user-agent": f"chimera/{__version__}", "accept": "application/json"}
        if login.token:
            headers["authorization"] = f"Bearer {login.token}"
        self._http = httpx.AsyncClient(
            base_url=login.url + _PREFIX,
            headers=headers,
            timeout=_TIMEOUT,
            verify=_trust(login) if login.url.startswith("https") else True,
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._http.aclose()

    async def get(self, kind: type[T], path: str, **params: Any) -> T:
        """Return what is at a path, as a value of `kind`."""
        known = {name: value for name, value in params.items() if value is not None and value != ""}
        found: T = self._read(kind, await self._send("GET", path, params=known))
        return found

    async def write(self, kind: type[T], path: str, body: Any = None, *, method: str = "POST") -> T:
        """Ask for a change, once however often it has to be sent, and return the answer."""
        key = {"idempotency-key": uuid.uuid4().hex}
        found: T = self._read(kind, await self._send(method, path, json=body, headers=key))
        return found

    async def events(self, path: str) -> AsyncGenerator[Any]:
        """Yield the data of a stream's updates to its end, also over lost connections."""
        cursor, lost_at = "", 0.0
        clock = asyncio.get_running_loop()
        while True:
            headers = {"accept": "text/event-stream"}
            if cursor:
                headers["last-event-id"] = cursor
            try:
                timeout = httpx.Timeout(_BEAT_S, connect=10)
                async with self._http.stream(
                    "GET", path, headers=headers, timeout=timeout
                ) as answer:
                    if answer.is_error:
                        await answer.aread()
                        self._check(answer)
                    async for name, data, id_ in _parsed(answer):
                        cursor, lost_at = id_ or cursor, 0.0
                        if name == "end":
                            return
                        yield data
            except (httpx.TransportError, e.EngineError, e.LedgerError, e.ServerError) as error:
                lost_at = lost_at or clock.time()
                if clock.time() - lost_at > _LOST_S:
                    raise self._failed(error) from None
            await asyncio.sleep(_PAUSE_S)

    async def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        for turn in range(1, _TRIES + 1):
            try:
                answer = await self._http.request(method, path, **what)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if turn == _TRIES or _certificate(error):
                    raise self._failed(error) from None
                await asyncio.sleep(_PAUSE_S * turn)
                continue
            if answer.status_code in {429, 502, 504} and turn < _TRIES:
                await asyncio.sleep(min(float(answer.headers.get("retry-after", turn)), 10))
                continue
            self._check(answer)
            return answer
        raise AssertionError("unreachable")

    def _read(self, kind: Any, answer: httpx.Response) -> Any:
        try:
            return adapter(kind).validate_json(answer.content)
        except ValidationError:
            raise self._not_understood() from None

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_error and not answer.is_redirect:
            return
        if "problem+json" not in answer.headers.get("content-type", ""):
            raise self._not_understood()
        said = answer.json()
        name = str(said.get("type", "")).rpartition(":")[2]
        if answer.status_code == 401:
            hint = f"`chimera login {self.login.url}` signs in"
            raise e.NotSignedIn(str(said.get("detail", "")), hint=hint)
        if name == "no-such-path":
            raise self._not_understood()
        wait = timedelta(seconds=float(answer.headers.get("retry-after", 1)))
        raise _error(name, said, wait)

    def _not_understood(self) -> e.ServerError:
        return e.ServerError(
            f"{self.login.url} does not answer as Chimera {__version__} does",
            hint="check the address, and that both have the same version: GET /api/v1/about",
        )

    def _failed(self, error: Exception) -> e.ChimeraError:
        if isinstance(error, e.ChimeraError):
            return error
        if _certificate(error):
            return e.ServerError(
                f"the certificate of {self.login.url} is not trusted",
                hint="give the authority that signed it: `chimera login URL --ca FILE`, or "
                "CHIMERA_CA_FILE",
            )
        said = str(error) or type(error).__name__
        return e.ServerError(
            f"{self.login.url} cannot be reached: {said}",
            hint="is it up, and is this its address? `chimera logout` goes back to this machine",
        )


def _error(name: str, said: dict[str, Any], wait: timedelta) -> e.ChimeraError:
    """Return the error that a problem was over there. name: the end of its type."""
    text, hint = str(said.get("detail", "")), str(said.get("hint", ""))
    if name in {"spec", "invalid", "unknown-adapter", "key-reused"}:
        return e.SpecError(text, problems=said.get("problems", ()), hint=hint)
    if name == "conflict":
        return e.RolloutConflict(text, rollout=str(said.get("rollout", "")), hint=hint)
    if name == "too-many":
        return e.TooMany(text, retry_after=wait, hint=hint)
    if name in _PROVIDERS:
        provider, operation, reason = (*text.split(": ", 2), "", "")[:3]
        return _PROVIDERS[name](provider, operation, reason, hint=hint)
    return _ERRORS.get(name, e.ServerError)(text, hint=hint)


async def _parsed(answer: httpx.Response) -> AsyncIterator[tuple[str, Any, str]]:
    """Yield (event, data, id) of Server-Sent Events as this API writes them."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, colon, value = line.partition(":")
        if name and colon:
            fields[name] = value.removeprefix(" ")
        elif not line and "data" in fields:
            data = json.loads(fields["data"])
            yield fields.get("event", ""), data, fields.get("id", "")
            fields = {}


def _certificate(error: Exception) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _trust(login: Login) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if login.ca:
        try:
            context.load_verify_locations(login.ca)
        except (OSError, ssl.SSLError) as error:
            raise e.SpecError(
                f"{login.ca} holds no certificates: {error}", hint="name a PEM file"
            ) from None
    return context
