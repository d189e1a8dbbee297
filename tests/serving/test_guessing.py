"""Brute force over HTTP against two servers of one ledger, behind a proxy that names addresses."""

from contextlib import AsyncExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
from tests.support.access import PASSWORD, TEST
from tests.support.served import served

from chimera.app.access.limits import PER_PAIR

ATTACKER, HOME = "203.0.113.9", "198.51.100.2"
PROXY: dict[str, Any] = {
    "trusted_proxy": (ip_network("127.0.0.1/32"),),
    "writes_per_minute": 10_000,
}


async def _sign_in(client: httpx.AsyncClient, source: str, **form: str) -> str:
    client.cookies.clear()
    answer = await client.post("/sign-in", data=form, headers={"x-forwarded-for": source})
    assert answer.status_code == 303
    return answer.headers["location"]


async def test_guessing_ends_over_both_servers_and_locks_nobody_else_out(tmp_path: Path) -> None:
    guess = {"name": "ada", "password": "wrong"}
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(served(tmp_path, **PROXY)) for _ in range(2)]
        clients = [await stack.enter_async_context(one.client("")) for one in servers]
        access = servers[0].access
        await access.users.set_password("ada", PASSWORD, by=TEST)
        for _ in range(PER_PAIR - 2):  # each by HTTP would cost the hash of a password
            await access.attempts.begin("ada", ATTACKER)
        said = [await _sign_in(clients[n % 2], ATTACKER, **guess) for n in range(6)]
        assert said == ["/sign-in?problem=wrong"] * 2 + ["/sign-in?problem=many"] * 4
        right = {"name": "ada", "password": PASSWORD}
        assert await _sign_in(clients[0], ATTACKER, **right) == "/sign-in?problem=many"
        assert await _sign_in(clients[1], HOME, **right) == "/"
        code = await access.sessions.make_link("ada", valid=timedelta(hours=1), by=TEST)
        assert await _sign_in(clients[1], ATTACKER, code=code) == "/"
