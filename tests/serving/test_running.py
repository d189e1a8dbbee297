"""`chimera up` as a process: who gets the port, who serves, and how it ends."""

import asyncio
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.access import access_at
from tests.support.house import House, house
from tests.support.nursery import Command

from chimera.app.doors import GuardSettings
from chimera.core.errors import SpecError
from chimera.serving.listening import bind

WITHIN_S = 90.0


@pytest.fixture
async def home() -> AsyncIterator[House]:
    async with house() as opened:
        yield opened


@asynccontextmanager
async def up(home: House, *args: str) -> AsyncIterator[tuple[str, Command]]:
    """Run `chimera up`; give the page's address once it is ready."""
    process = await home.start("up", *args)
    said = ""
    async with asyncio.timeout(WITHIN_S):
        while "ready:" not in said:
            line = (await process.stderr.readline()).decode()
            assert line, said
            said += line
    found = re.search(r"page: (http://\S+)", said)
    assert found is not None, said
    try:
        yield found[1], process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def test_a_web_process_serves_and_drives_nothing_and_ends_its_streams(home: House) -> None:
    async with up(home, "--only", "web") as (page, process):
        assert not home.running("temporal")
        async with httpx.AsyncClient(base_url=page) as client:
            assert (await client.get("/readyz")).json() == {"status": "ready"}
            page_like = {"accept": "text/html"}
            opened = await client.get("/", headers=page_like, follow_redirects=True)
            assert opened.status_code == 200
            assert (await client.get("/api/v1/rollouts")).status_code == 401
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WITHIN_S):
            await process.wait()
        assert process.returncode == 0


async def test_a_port_in_use_is_said_before_anything_is_started(home: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = await home.run("up", "--listen", f"127.0.0.1:{port}", code=2)
    assert f"something else listens on 127.0.0.1:{port}" in done.err
    assert "CHIMERA_LISTEN" in done.err
    assert not (home.home / "ledger.db").exists()


async def test_an_open_port_without_tls_is_refused(home: House) -> None:
    done = await home.run("up", "--listen", "0.0.0.0:0", code=2)
    assert "could read along" in done.err


@pytest.mark.parametrize("host", ["203.0.113.9", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_said(host: str, tmp_path: Path) -> None:
    proxy = access_at(tmp_path).guard.trusted_proxy or ("declared",)
    settings = GuardSettings(host=host, port=0, trusted_proxy=proxy)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="cannot listen"):
        bind(settings)


async def test_a_connection_that_asks_nothing_is_closed(
    home: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.support.served import served

    from chimera.serving import listening

    monkeypatch.setattr(listening, "ASK_S", 0.3)
    async with served(tmp_path / "home") as one:
        for sent in (b"", b"GET /heal"):
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
            writer.write(sent)
            async with asyncio.timeout(WITHIN_S):
                assert await reader.read() == b""
            writer.close()
        async with one.client("") as client:  # and who asks is answered, twice on one connection
            for _ in range(2):
                assert (await client.get("/healthz")).status_code == 200
                await asyncio.sleep(0.2)
