"""HTTP to a URL that somebody outside names, without lending them Chimera's place in the network.

The name is resolved here, every address it has is judged, and the connection goes to the judged
address: a name server that answers differently the next time gains nothing. Redirects are not
followed, no proxy or netrc of the environment is used, and the answer is not read without end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chimera.app.addresses import Place, place_of, refused_address
from chimera.core.errors import ProviderRefused, ProviderUnavailable, SpecError

MOST_BYTES = 1_000_000
TIMEOUT_S = 10.0
_PROVIDER = "url"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outgoing:
    """Asks such URLs. private_hosts: what the operator allows inside private networks."""

    def __init__(self, private_hosts: Sequence[str] = ()) -> None:
        self._named = tuple(private_hosts)

    async def request(
        self, method: str, url: str, *, timeout_s: float = TIMEOUT_S, **options: Any
    ) -> Fetched:
        """Return the answer, read whole; options: as of httpx (headers, content, json, params).

        SpecError if the URL may not be used; ProviderUnavailable if it does not answer;
        ProviderRefused for a redirect and for an answer that is too long.
        """
        place = place_of(url)
        address = await self._judged(place)
        transport = _Pinned(address)
        try:
            async with (
                asyncio.timeout(timeout_s),
                httpx.AsyncClient(
                    transport=transport,
                    headers={"accept-encoding": "identity"},
                    trust_env=False,
                    follow_redirects=False,
                    timeout=timeout_s,
                ) as client,
                client.stream(method, url, **options) as response,
            ):
                return await _read(place, response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise ProviderUnavailable(
                _PROVIDER,
                f"ask {place.host}",
                f"it does not answer ({type(error).__name__})",
                hint="check the URL, and that it can be reached from the machine of Chimera",
            ) from None

    async def _judged(self, place: Place) -> str:
        """Return the address to connect to; every address of the name must be allowed."""
        addresses = await _resolved(place)
        for address in addresses:
            reason = refused_address(place, address, self._named)
            if reason:
                raise SpecError(
                    f"{place.host}:{place.port} cannot be used: {reason}",
                    hint="whoever runs Chimera can allow it in CHIMERA_PRIVATE_HOSTS",
                )
        return addresses[0]


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to one address; name and certificate stay those of the URL.

    One request each: a connection that is kept could be taken for another name's.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(
            verify=httpx.create_ssl_context(),  # which knows the operator's SSL_CERT_FILE
            trust_env=False,
            limits=limits,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request."""
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host=self._address)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()


async def _resolved(place: Place) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise ProviderUnavailable(
            _PROVIDER,
            f"find {place.host}",
            "there is no such host",
            hint="check the spelling of the URL",
        ) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _read(place: Place, response: httpx.Response) -> Fetched:
    doing = f"ask {place.host}"
    if response.is_redirect:
        hint = "enter the URL that it leads to"
        raise ProviderRefused(_PROVIDER, doing, "it leads somewhere else", hint=hint)
    if response.headers.get("content-encoding", "identity") != "identity":
        # Small on the way, endless when unpacked.
        raise ProviderRefused(_PROVIDER, doing, "its answer is compressed, which was not asked for")
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise ProviderRefused(_PROVIDER, doing, "its answer is longer than 1 MB")
    return Fetched(response.status_code, response.headers, bytes(body))
