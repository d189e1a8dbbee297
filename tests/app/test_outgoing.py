"""A URL of a user, against real sockets: it leads to the judged address and nowhere else.

Names are resolved by the real resolver: `localhost` and addresses need no network.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from tests.support.eventually import eventually

from chimera.app.outgoing import MOST_BYTES, Outgoing
from chimera.core.errors import ProviderRefused, ProviderUnavailable, SpecError

ANSWERS = {
    "/ok": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/away": b"HTTP/1.1 302 Found\r\nlocation: http://1.1.1.1/\r\ncontent-length: 0\r\n\r\n",
    "/zip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx",
    "/long": b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * (MOST_BYTES + 1),
    "/silent": b"",
}


@dataclass
class Upstream:
    """A server that remembers what it was asked."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    here = Upstream()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            here.asked.append(head)
            answer = ANSWERS[head.split(b" ")[1].decode()]
            writer.write(answer)
            await writer.drain()
            if not answer:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    here.port = server.sockets[0].getsockname()[1]
    async with server:
        yield here


async def test_a_named_host_answers_under_its_own_name(upstream: Upstream) -> None:
    found = await Outgoing([f"localhost:{upstream.port}"]).request(
        "GET", f"http://localhost:{upstream.port}/ok"
    )
    assert (found.status, found.body) == (200, b"ok")
    assert f"Host: localhost:{upstream.port}".encode() in upstream.asked[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/ok",
        "http://127.0.0.1:{port}/ok",
        "http://[::ffff:127.0.0.1]:{port}/ok",
        "http://2130706433:{port}/ok",
        "http://127.1:{port}/ok",
        "http://0x7f.1:{port}/ok",
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:{port}/ok",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
    ],
)
async def test_the_inside_is_not_even_connected_to(upstream: Upstream, url: str) -> None:
    with pytest.raises(SpecError, match="cannot be used"):
        await Outgoing().request("GET", url.format(port=upstream.port))
    with pytest.raises(SpecError, match="cannot be used"):
        await Outgoing().request("GET", url.format(port=upstream.port))
    assert upstream.asked == []


async def test_a_name_server_that_changes_its_mind_gains_nothing(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would be this machine, but nobody asks a second time."""
    asked = []

    def rebinding(host: str, port: int, *rest: object, **_: object) -> list[object]:
        asked.append(host)
        address = "192.0.2.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    # 192.0.2.1 is an address for examples, where nobody answers; the network is allowed here.
    url = f"http://rebinding.example:{upstream.port}/ok"
    with pytest.raises(ProviderUnavailable):
        await Outgoing(["192.0.2.0/24"]).request("GET", url, timeout_s=0.5)
    assert upstream.asked == []
    assert asked.count("rebinding.example") == 1


async def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def several(host: str, port: int, *rest: object, **_: object) -> list[object]:
        addresses = ("93.184.216.34", "10.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    with pytest.raises(SpecError, match=r"10\.0\.0\.1 is inside"):
        await Outgoing().request("GET", "https://mixed.example/")


@pytest.mark.parametrize(
    ("path", "said"), [("away", "somewhere else"), ("zip", "compressed"), ("long", "longer")]
)
async def test_what_answers_oddly_is_refused(upstream: Upstream, path: str, said: str) -> None:
    with pytest.raises(ProviderRefused, match=said):
        await Outgoing(["127.0.0.0/8"]).request("GET", f"http://127.0.0.1:{upstream.port}/{path}")
    assert len(upstream.asked) == 1


async def test_silence_ends(upstream: Upstream) -> None:
    url = f"http://127.0.0.1:{upstream.port}/silent"
    with pytest.raises(ProviderUnavailable, match="does not answer"):
        await Outgoing(["127.0.0.0/8"]).request("GET", url, timeout_s=0.3)
    await eventually(lambda: upstream.asked)


async def test_the_environment_s_proxy_is_not_used(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{upstream.port}")
    with pytest.raises(ProviderUnavailable):
        await Outgoing(["192.0.2.0/24"]).request("GET", "http://192.0.2.1/ok", timeout_s=0.3)
    assert upstream.asked == []


async def test_an_unknown_host_says_so() -> None:
    with pytest.raises(ProviderUnavailable, match="no such host"):
        await Outgoing().request("GET", "https://no-such-host.invalid/")
