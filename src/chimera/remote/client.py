"""Calls of the API: answers typed, problems as the errors that they were over there."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from chimera import __version__
from chimera.app.login import Login
from chimera.app.masking import adapter
from chimera.core import errors as e
from chimera.core.words import duration
from chimera.remote.problems import BUSY, error_of, name_of

T = TypeVar("T")
_PREFIX = "/api/v1"
_TRIES, _PAUSE_S = 4, 0.5
_READING = httpx.Timeout(300, connect=10)
_WRITING = httpx.Timeout(60, connect=10)  # then it is sent again: the key finds the first answer
_LOST_S = 60.0
_BEAT_S = 45.0  # the server says something at least every 15 s
_AGAIN = {429, 502, 504}
# Whoever works on a write keeps its key for 10 minutes; sent again after that, it would be done
# again. From here on it is sent once more at most, which takes two minutes.
_BUSY_S = 480.0
Tell = Callable[[str], None]


def _nobody(said: str) -> None:
    """Tell nobody."""


class ApiClient:
    """One connection to another Chimera; every failure is a ChimeraError.

    tell: hears, in a sentence, of what takes long.
    """

    def __init__(self, login: Login, tell: Tell = _nobody) -> None:
        self.login = login
        self._tell = tell
        headers = {"user-agent": f"chimera/{__version__}", "accept": "application/json"}
        if login.token:
            headers["authorization"] = f"Bearer {login.token}"
        self._http = httpx.AsyncClient(
            base_url=login.url + _PREFIX,
            headers=headers,
            timeout=_READING,
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

    async def ask(self, kind: type[T], path: str, body: Any) -> T:
        """Ask by POST for what changes nothing."""
        found: T = self._read(kind, await self._send("POST", path, json=body))
        return found

    async def write(self, kind: type[T], path: str, body: Any = None, *, method: str = "POST") -> T:
        """Ask for a change, once however often it has to be sent, and return the answer."""
        key = uuid.uuid4().hex
        found: T = self._read(kind, await self._send(method, path, key, json=body))
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

    async def _send(self, method: str, path: str, key: str = "", **what: Any) -> httpx.Response:
        """Send it until it is answered. key: of a write, so that it may be sent again."""
        if key:
            what |= {"headers": {"idempotency-key": key}, "timeout": _WRITING}
        turn, began = 1, time.monotonic()
        while True:
            late = time.monotonic() - began > _BUSY_S
            last = late or turn == _TRIES
            answer = await self._tried(method, path, last=last, **what)
            if answer is not None and name_of(answer) == BUSY and not late:
                so_far = duration(timedelta(seconds=round(time.monotonic() - began)))
                self._tell(f"{self.login.url} is at it for {so_far} now; waiting for its answer.")
            elif answer is not None and (last or answer.status_code not in _AGAIN):
                self._check(answer)
                return answer
            else:
                turn += 1
            await asyncio.sleep(_pause_s(answer, turn))

    async def _tried(
        self, method: str, path: str, *, last: bool, **what: Any
    ) -> httpx.Response | None:
        """Return the answer; None if there was none and it can be sent again."""
        try:
            return await self._http.request(method, path, **what)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # A question that takes so long is not answered sooner by asking it twice.
            slow = isinstance(error, httpx.ReadTimeout) and "headers" not in what
            if last or slow or _certificate(error):
                raise self._failed(error) from None
            return None

    def _read(self, kind: Any, answer: httpx.Response) -> Any:
        try:
            return adapter(kind).validate_json(answer.content or b"null")
        except ValidationError:
            raise self._not_understood() from None

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_error and not answer.is_redirect:
            return
        name = name_of(answer)
        if name in {"", "no-such-path"}:
            raise self._not_understood()
        said = answer.json()
        if answer.status_code == 401:
            hint = f"`chimera login {self.login.url}` signs in"
            raise e.NotSignedIn(str(said.get("detail", "")), hint=hint)
        wait = timedelta(seconds=float(answer.headers.get("retry-after", 1)))
        raise error_of(name, said, wait)

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


def _pause_s(answer: httpx.Response | None, turn: int) -> float:
    if answer is None:
        return _PAUSE_S * turn
    return min(float(answer.headers.get("retry-after", turn)), 10)


def quoted(name: str) -> str:
    """Return a name as one part of a path."""
    return quote(name, safe="")


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
