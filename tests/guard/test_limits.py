"""How often and how much at once: over two replicas of one store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.guard.conftest import House, house
from tests.support.access import (
    PASSWORD,
    TEST,
    access_at,
    access_with_users,
    browser,
    token_for,
)
from tests.support.eventually import eventually

from chimera.app.access import Access, open_access
from chimera.app.access.limits import PER_ACCOUNT, PER_PAIR, PER_SOURCE
from chimera.core.errors import NotSignedIn, TooMany

ATTACKER, HOME = "203.0.113.9", "198.51.100.2"


class Replicas:
    """Two processes' worth of Access over one store, used in turn."""

    def __init__(self, one: Access, two: Access) -> None:
        self.all = (one, two)
        self._turn = 0

    def next(self) -> Access:
        self._turn += 1
        return self.all[self._turn % 2]

    async def sign_in(self, name: str, password: str, source: str = ATTACKER) -> str:
        return await _outcome(self.next().sessions.sign_in(name, password, source=source))

    async def open_link(self, code: str) -> str:
        return await _outcome(self.next().sessions.sign_in_by_link(code, source=ATTACKER))

    async def spend(self, name: str, attempts: int, source: str = ATTACKER) -> None:
        """Count attempts without hashing a password for each, which takes its time."""
        for _ in range(attempts):
            await self.next().attempts.begin(name, source)


async def _outcome(attempt: Awaitable[str]) -> str:
    try:
        await attempt
    except (NotSignedIn, TooMany) as error:
        return type(error).__name__
    return "in"


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncIterator[Replicas]:
    settings = access_at(tmp_path)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(access_with_users(settings))
        two = await stack.enter_async_context(open_access(settings))
        yield Replicas(one, two)


@pytest.fixture
async def password(replicas: Replicas) -> str:
    await replicas.all[0].users.set_password("ada", PASSWORD, by=TEST)
    return PASSWORD


async def test_guessing_ends_over_all_replicas_together(replicas: Replicas, password: str) -> None:
    await replicas.spend("ada", PER_PAIR - 1)
    assert await replicas.sign_in("ada", "wrong") == "NotSignedIn"
    assert [await replicas.sign_in("ada", "wrong") for _ in range(2)] == ["TooMany"] * 2
    # Not even with the right password: so a guess that is right is not told from a wrong one.
    assert await replicas.sign_in("ada", password) == "TooMany"
    # Her own address is not locked out by somebody else's.
    assert await replicas.sign_in("ada", password, HOME) == "in"


async def test_guessing_at_once_gains_nothing(replicas: Replicas) -> None:
    tries = (replicas.next().attempts.begin("ada", ATTACKER) for _ in range(PER_PAIR + 6))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, TooMany) for one in found) == 6


async def test_an_account_and_an_address_have_limits_of_their_own(replicas: Replicas) -> None:
    for number in range(PER_ACCOUNT):
        await replicas.spend("ada", 1, f"203.0.113.{number}")
    assert await replicas.sign_in("ada", "x", HOME) == "TooMany"
    for number in range(PER_SOURCE - 1):
        await replicas.spend(f"name-{number}", 1, HOME)
    assert await replicas.sign_in("otto", "x", HOME) == "TooMany"


async def test_one_address_locks_nobody_out_however_often_it_asks(
    replicas: Replicas, password: str
) -> None:
    for _ in range(PER_ACCOUNT + 20):
        with suppress(TooMany):
            await replicas.spend("ada", 1)
    assert await replicas.sign_in("ada", "x") == "TooMany"
    assert await replicas.sign_in("ada", password, HOME) == "in"


async def test_no_attempt_shuts_out_who_holds_a_link(replicas: Replicas) -> None:
    found = [await replicas.open_link(f"guess {n}") for n in range(PER_SOURCE + 2)]
    assert found == ["NotSignedIn"] * PER_SOURCE + ["TooMany"] * 2
    for _ in range(PER_SOURCE + 2):
        with suppress(TooMany):
            await replicas.spend("ada", 1)
    access, day = replicas.all[0], timedelta(days=1)
    code = await access.sessions.make_link("ada", valid=day, by=TEST)
    assert await replicas.open_link(code) == "in"


async def test_an_unknown_name_is_answered_like_a_known_one(replicas: Replicas) -> None:
    for name in ("ada", "nobody-here"):
        await replicas.spend(name, PER_PAIR - 1)
        found = [await replicas.sign_in(name, "wrong") for _ in range(2)]
        assert found == ["NotSignedIn", "TooMany"]


async def test_a_success_forgets_the_failures_before(replicas: Replicas, password: str) -> None:
    for _ in range(2):
        await replicas.spend("ada", PER_PAIR - 1)
        assert await replicas.sign_in("ada", password) == "in"


async def test_the_refusal_says_when_to_try_again(replicas: Replicas) -> None:
    await replicas.spend("ada", PER_PAIR - 1, "127.0.0.1")
    async with browser(house(replicas.all[0]).app) as visitor:
        for problem in ("wrong", "many"):
            await visitor.get("/sign-in")
            done = await visitor.post("/sign-in", {"name": "ada", "password": "wrong"})
            assert done.headers["location"] == f"/sign-in?problem={problem}"
    noted, *_ = await replicas.all[1].audit.entries()
    assert (noted.outcome, noted.detail) == ("refused", "too many attempts")
    with pytest.raises(TooMany) as caught:
        await replicas.all[1].sessions.sign_in("ada", "x", source="127.0.0.1")
    assert timedelta(0) < caught.value.retry_after <= timedelta(minutes=15, seconds=1)


async def test_guessing_tokens_ends_too(access: Access) -> None:
    async with browser(house(access).app, "203.0.113.9") as program:
        statuses = [
            (await program.client.get("/", headers=_bearer(f"chm_{n}_x"))).status_code
            for n in range(102)
        ]
    assert statuses == [401] * 100 + [429] * 2
    async with browser(house(access).app, "198.51.100.2") as program:
        token = await token_for(access, "ada")
        assert (await program.client.get("/", headers=_bearer(token))).status_code == 200


async def test_writes_are_counted_over_all_replicas(replicas: Replicas) -> None:
    token = await token_for(replicas.all[0], "ada")
    apps = [house(access, writes_per_minute=6).app for access in replicas.all]
    statuses = []
    for turn in range(8):
        async with browser(apps[turn % 2], f"203.0.113.{turn}") as program:
            answer = await program.client.post("/api/settings", headers=_bearer(token))
            statuses.append(answer.status_code)
    assert statuses == [200] * 6 + [429] * 2
    assert int(answer.headers["retry-after"]) <= 60


async def test_reads_are_limited(access: Access) -> None:
    async with browser(house(access, reads_per_minute=5).app) as visitor:
        statuses = [(await visitor.get("/sign-in")).status_code for _ in range(7)]
    assert statuses[:5] == [200] * 5
    assert 429 in statuses[5:]


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


class Stream:
    """One open event stream, read by hand."""

    def __init__(self, guarded: House, source: str = "127.0.0.1") -> None:
        self.messages: list[dict[str, Any]] = []
        self._gone = asyncio.Event()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/stream",
            "raw_path": b"/stream",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "client": (source, 1),
            "server": ("localhost", 8470),
        }
        self.task = asyncio.create_task(guarded.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.messages.append(message)
        await asyncio.sleep(0)

    async def status(self) -> int:
        await eventually(lambda: self.messages)
        return int(self.messages[0]["status"])

    async def close(self) -> None:
        self._gone.set()
        await self.task


async def test_so_many_streams_of_one_and_of_all(access: Access) -> None:
    guarded = house(access, streams_per_user=3, streams=5)
    mine = [Stream(guarded) for _ in range(3)]
    assert [await one.status() for one in mine] == [200] * 3
    refused = Stream(guarded)
    assert await refused.status() == 429
    await refused.task
    assert b"too many live views" in b"".join(m.get("body", b"") for m in refused.messages)
    others = [Stream(guarded, "10.0.0.2") for _ in range(2)]
    assert [await one.status() for one in others] == [200] * 2
    last = Stream(guarded, "10.0.0.3")
    assert await last.status() == 429
    await last.task
    await mine[0].close()
    again = Stream(guarded)
    assert await again.status() == 200
    for one in (*mine, *others, again):
        await one.close()


async def test_pages_are_answered_while_the_streams_are_full(access: Access) -> None:
    guarded = house(access, streams=1)
    stream = Stream(guarded)
    assert await stream.status() == 200
    transport = httpx.ASGITransport(guarded.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/sign-in")).status_code == 200
    await stream.close()
