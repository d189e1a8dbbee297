"""What a proxy says is believed of the declared one alone."""

from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from fastapi import Request
from tests.guard.conftest import house

from chimera.app.access import Access
from chimera.guard import PUBLIC
from chimera.guard.caller import caller_of

PROXY = {"trusted_proxy": (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))}


async def seen(access: Access, peer: str, headers: dict[str, str], **options: Any) -> list[str]:
    """Return the address, scheme and host that the application sees."""
    app = house(access, **options).app

    @app.get("/seen", dependencies=[PUBLIC])
    async def tell(request: Request) -> list[str]:
        source = caller_of(request.scope).source
        left = [name for name in request.headers if "forwarded" in name or name == "x-real-ip"]
        return [source, request.url.scheme, request.url.netloc, *left]

    transport = httpx.ASGITransport(app, client=(peer, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/seen", headers=headers)
        found = answer.json()
        return found if isinstance(found, list) else [str(answer.status_code)]


SAID = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "127.0.0.1:9000",
    "x-real-ip": "203.0.113.9",
    "forwarded": "for=203.0.113.9",
}


@pytest.mark.parametrize("peer", ["10.0.0.7", "fd00::7", "::ffff:10.0.0.7"])
async def test_the_declared_proxy_is_believed(access: Access, peer: str) -> None:
    assert await seen(access, peer, SAID, **PROXY) == ["203.0.113.9", "https", "127.0.0.1:9000"]


@pytest.mark.parametrize("peer", ["10.0.1.7", "127.0.0.1", "203.0.113.9", "testclient"])
async def test_nobody_else_is_and_nothing_of_it_is_left(access: Access, peer: str) -> None:
    assert await seen(access, peer, SAID, **PROXY) == [peer, "http", "localhost"]
    assert await seen(access, peer, SAID) == [peer, "http", "localhost"]


@pytest.mark.parametrize(
    ("hops", "source"),
    [
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first was forged by the client
        ("198.51.100.1, 203.0.113.9, 10.0.0.8", "203.0.113.9"),  # two proxies of ours
        ("10.0.0.9", "10.0.0.9"),
        ("nonsense", "10.0.0.7"),
        ("203.0.113.9, nonsense", "10.0.0.7"),
        ("", "10.0.0.7"),
    ],
)
async def test_the_address_is_the_last_one_that_a_proxy_of_ours_saw(
    access: Access, hops: str, source: str
) -> None:
    found = await seen(access, "10.0.0.7", {"x-forwarded-for": hops}, **PROXY)
    assert found[0] == source


async def test_the_proxy_cannot_name_a_host_that_is_not_ours(access: Access) -> None:
    headers = {"x-forwarded-host": "evil.example"}
    assert await seen(access, "10.0.0.7", headers, **PROXY) == ["421"]


async def test_a_scheme_that_is_none_is_not_taken(access: Access) -> None:
    found = await seen(access, "10.0.0.7", {"x-forwarded-proto": "javascript"}, **PROXY)
    assert found[1] == "http"


async def test_https_in_front_makes_the_cookie_secure(access: Access) -> None:
    app = house(access, **PROXY).app
    transport = httpx.ASGITransport(app, client=("10.0.0.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/sign-in", headers={"x-forwarded-proto": "https"})
    assert answer.headers["set-cookie"].startswith("__Host-chimera=")
    assert answer.headers["set-cookie"].endswith("; Secure")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
