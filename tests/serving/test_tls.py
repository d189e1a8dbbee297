"""Chimera with a certificate of its own: the printed address is answered, and it is alive."""

import asyncio
import ssl
from pathlib import Path

import httpx
from tests.support.served import Served, served
from tests.support.tls import certificate

from chimera.app.alive import is_alive

HOST = "127.0.0.2"  # an address of this machine that is no name of loopback's


async def _alive(one: Served, **env: str) -> bool:
    return await asyncio.to_thread(is_alive, {"CHIMERA_LISTEN": f"{HOST}:{one.port}", **env})


async def test_the_printed_address_is_answered(tmp_path: Path) -> None:
    tls = certificate(tmp_path, HOST)
    async with served(tmp_path / "home", host=HOST, **tls) as one:
        assert one.url.startswith(f"https://{HOST}:")
        trusted = ssl.create_default_context(cafile=tls["tls_cert"])
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as client:
            answer = await client.get(f"{one.url}/sign-in", headers={"accept": "text/html"})
        assert answer.status_code == 200
        assert "__Host-chimera=" in answer.headers["set-cookie"]
        env = {"CHIMERA_TLS_CERT": str(tls["tls_cert"]), "CHIMERA_TLS_KEY": str(tls["tls_key"])}
        assert await _alive(one, **env)
        assert not await _alive(one)  # it speaks no http there
    assert not await _alive(one, **env)


async def test_it_is_alive_without_a_certificate_too(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        for listen in ("127.0.0.1", "0.0.0.0", "localhost"):
            env = {"CHIMERA_LISTEN": f"{listen}:{one.port}"}
            assert await asyncio.to_thread(is_alive, env)
