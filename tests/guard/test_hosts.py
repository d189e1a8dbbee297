"""Which names Chimera answers to: a page of another name cannot reach in by DNS rebinding."""

import httpx
import pytest
from tests.guard.conftest import house

from chimera.app.access import Access
from chimera.guard import GuardSettings

HOSTILE = [
    "evil.example",
    "evil.example:8470",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost:8470@evil.example",
    "localhost:8470:8470",
    "localhost:",
    "localhost:x",
    "localhost.",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0.0.0.0",
    "[::]",
    "[::ffff:127.0.0.1]",
    "::1",
    "[::1",
    "10.0.0.7:8470",
    "chimera.example.evil",
    "xchimera.example",
    "lan.example:9999",
    "",
    " localhost",
    "localhost localhost",
    "local\u0068ost\u00e9",
]
OURS = [
    "127.0.0.1:8470",
    "127.0.0.1",
    "localhost:8470",
    "LOCALHOST:9000",
    "[::1]:8470",
    "[::1]",
    "chimera.example",
    "chimera.example:8443",
    "lan.example:8443",
]
OPTIONS = {"public_url": "https://chimera.example", "allowed_hosts": ("lan.example:8443",)}


async def ask(access: Access, headers: list[tuple[bytes, bytes]], **options: str) -> httpx.Response:
    transport = httpx.ASGITransport(house(access, **{**OPTIONS, **options}).app)
    request = httpx.Request("GET", "http://127.0.0.1:8470/sign-in")
    request.headers = httpx.Headers([(b"accept", b"text/html"), *headers])
    answer = await transport.handle_async_request(request)
    await answer.aread()
    return answer


@pytest.mark.parametrize("host", HOSTILE)
async def test_another_name_is_refused(access: Access, host: str) -> None:
    answer = await ask(access, [(b"host", host.encode("latin-1"))])
    assert answer.status_code == 421
    assert "set-cookie" not in answer.headers
    assert "CHIMERA_ALLOWED_HOSTS" in answer.text


@pytest.mark.parametrize("host", OURS)
async def test_its_own_names_are_answered(access: Access, host: str) -> None:
    assert (await ask(access, [(b"host", host.encode())])).status_code == 200


@pytest.mark.parametrize(
    ("listens", "host", "status"),
    [
        ("10.0.0.4", "10.0.0.4:8470", 200),
        ("fd00::4", "[fd00::4]:8470", 200),
        ("Chimera.lan", "chimera.lan:8470", 200),
        ("10.0.0.4", "10.0.0.5:8470", 421),
        ("0.0.0.0", "0.0.0.0:8470", 421),
        ("::", "[::]:8470", 421),
    ],
)
async def test_the_address_it_listens_on_is_a_name_unless_it_is_every_one(
    access: Access, listens: str, host: str, status: int
) -> None:
    answer = await ask(access, [(b"host", host.encode())], host=listens)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "hosts", [[], [b"localhost", b"evil.example"], [b"evil.example", b"localhost"]]
)
async def test_no_name_or_two_are_refused(access: Access, hosts: list[bytes]) -> None:
    assert (await ask(access, [(b"host", one) for one in hosts])).status_code == 421


async def test_what_a_stranger_forwards_does_not_count(access: Access) -> None:
    forged = [(b"x-forwarded-host", b"localhost"), (b"forwarded", b"host=localhost")]
    answer = await ask(access, [(b"host", b"evil.example"), *forged])
    assert answer.status_code == 421


def test_the_defaults_allow_loopback_only() -> None:
    assert GuardSettings().allowed_hosts == ()
    assert GuardSettings().url == "http://127.0.0.1:8470"
