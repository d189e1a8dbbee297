"""Live streams: resumable on any replica, capped, and never held up by who does not read."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.access import browser_of
from tests.support.eventually import eventually
from tests.support.history import NOW, entry, look, rollout
from tests.support.served import Served, served

from chimera.app.feeds import RECENT
from chimera.core.state import Phase
from chimera.guard import streaming
from chimera.store import Store

WITHIN_S = 30.0


@dataclass
class Seen:
    """What a client of a stream got. cursor: the last event's id."""

    cursor: str = ""
    looks: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ended: bool = False

    def take(self, name: str, data: Any, cursor: str) -> None:
        self.cursor = cursor or self.cursor
        if name == "update":
            self.looks += [one["number"] for one in data["looks"]]
            self.lines += [one["seq"] for one in data["lines"]]
        self.ended = self.ended or name == "end"


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any, str]]:
    """Yield (event, data, id) as a browser would."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}


async def follow(one: Served, seen: Seen, most: int = 10**9) -> None:
    """Follow r1 from where `seen` stopped, to its end or for `most` events."""
    headers = {"last-event-id": seen.cursor} if seen.cursor else {}
    async with (
        asyncio.timeout(WITHIN_S),
        one.client("victor") as client,
        client.stream("GET", "/api/v1/rollouts/r1/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for name, data, cursor in events(answer):
            seen.take(name, data, cursor)
            most -= 1
            if not most:
                return


@pytest.fixture
async def store(one: Served) -> Store:
    opened: Store = one.chimera._store
    await opened.open_rollout(rollout("r1", service="shop"), NOW)
    return opened


async def test_a_stream_goes_on_over_two_replicas_without_gap_or_double(
    one: Served, store: Store, home: Path
) -> None:
    seen = Seen()

    async def life() -> None:
        for number in range(40):
            await store.append_look("r1", look(number))
            if number % 10 == 0:
                await store.append("r1", (entry(number // 10 + 1),))
            await asyncio.sleep(0.02)
        await store.append("r1", (entry(5, Phase.ABORTED),))

    async with served(home) as other:
        living = asyncio.create_task(life())
        turn = 0
        while not seen.ended:
            await follow((one, other)[turn % 2], seen, most=2)
            turn += 1
        await living
    assert turn > 2
    assert seen.looks == list(range(1, 41))
    assert seen.lines == list(range(1, 6))


async def test_a_wrong_cursor_or_rollout_is_a_problem_before_the_stream(
    one: Served, store: Store
) -> None:
    async with one.client("victor") as client:
        for path, status in (("r1/stream?after=x", 422), ("nothing/stream", 404)):
            answer = await client.get(f"/api/v1/rollouts/{path}")
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"


async def test_the_house_shows_only_what_one_may_see(one: Served, store: Store) -> None:
    async def first(name: str) -> dict[str, Any]:
        async with one.client(name) as client, client.stream("GET", "/api/v1/stream") as answer:
            async for _, data, _ in events(answer):
                found: dict[str, Any] = data
                return found
        raise AssertionError("no event")

    everything, shop = await first("victor"), await first("olga")
    assert len(everything["live"]) == 2
    assert [one["rollout"]["service"]["name"] for one in shop["live"]] == ["shop"]
    assert shop["recent"] == []
    assert "plan" not in shop["live"][0]["rollout"]


async def test_who_sees_one_service_sees_its_past_behind_that_of_others(
    one: Served, store: Store
) -> None:
    await store.append("r1", (entry(1, Phase.ABORTED),))
    for number in range(RECENT + 2):
        other = rollout(f"other-{number}", service="pay")
        await store.open_rollout(other, NOW)
        await store.append(other.id, (entry(1, Phase.ABORTED),))
    async with one.client("olga") as client, client.stream("GET", "/api/v1/stream") as answer:
        async for _, data, _ in events(answer):
            assert [each["rollout"]["id"] for each in data["recent"]] == ["r1"]
            break
    async with browser_of(one.app, one.access, "olga") as olga:
        assert "r1" in (await olga.get("/")).text
    async with one.client("olga") as client:
        page = (await client.get("/api/v1/rollouts", params={"limit": 1})).json()
    assert ([each["rollout"]["id"] for each in page["items"]], page["next"]) == (["r1"], None)


async def test_streams_end_when_the_process_does(home: Path) -> None:
    seen = Seen()
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(served(home))
        await one.chimera._store.open_rollout(rollout("r1", service="shop"), NOW)
        watching = asyncio.create_task(follow(one, seen))
        await eventually(lambda: one.app.state.live.viewers == 1, within_s=WITHIN_S)
        stopping = asyncio.create_task(stack.aclose())
        await asyncio.wait_for(watching, WITHIN_S)
        await asyncio.wait_for(stopping, WITHIN_S)
    assert not seen.ended  # so a browser comes back, to another replica


def request_of(one: Served, name: str) -> bytes:
    """Return the request for r1's stream, as it goes over the wire."""
    head = ("GET /api/v1/rollouts/r1/stream HTTP/1.1", "host: 127.0.0.1")
    return "\r\n".join((*head, f"authorization: Bearer {one.tokens[name]}", "", "")).encode()


async def test_a_thousand_streams_are_open_at_once_and_one_more_is_refused(home: Path) -> None:
    """At the default limit of all; that of one user is higher, since there are four here."""
    async with served(home, streams_per_user=400) as one:
        store = one.chimera._store
        await store.open_rollout(rollout("r1", service="shop"), NOW)
        async with AsyncExitStack() as stack, asyncio.timeout(100):
            opened: list[asyncio.StreamReader] = []
            for _ in range(10):
                names = [name for name in ("victor", "otto", "ada", "olga") for _ in range(25)]
                asked = [stack.enter_async_context(asking(one, name)) for name in names]
                opened += await asyncio.gather(*asked)
            assert Counter([await status(reader) for reader in opened]) == {b"200": 1_000}
            for _ in range(3):
                reader = await stack.enter_async_context(asking(one, "ada"))
                assert await status(reader) == b"429"
            async with one.client("ada") as client:  # everything else is still answered
                assert (await client.get("/api/v1/rollouts/r1")).status_code == 200
            await store.append("r1", (entry(1, Phase.ABORTED),))
            for reader in opened:  # and each viewer is told
                await reader.readuntil(b"event: end")
        await eventually(lambda: one.app.state.live.viewers == 0, within_s=WITHIN_S)


async def test_a_thousand_attempts_of_one_user_take_no_more_than_its_share(home: Path) -> None:
    async with served(home) as one, AsyncExitStack() as stack:
        await one.chimera._store.open_rollout(rollout("r1", service="shop"), NOW)
        codes: Counter[bytes] = Counter()
        async with asyncio.timeout(60):
            for _ in range(10):
                asked = [stack.enter_async_context(asking(one, "otto")) for _ in range(100)]
                for reader in await asyncio.gather(*asked):
                    codes[await status(reader)] += 1
            assert codes == {b"200": 30, b"429": 970}
            await follow(one, Seen(), most=1)  # others are let in


@asynccontextmanager
async def asking(one: Served, name: str) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for r1's stream on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
    try:
        writer.write(request_of(one, name))
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> bytes:
    """Return the status of the answer, as soon as it is there."""
    return (await reader.readline()).split()[1]


async def test_who_does_not_read_is_let_go_and_holds_up_nobody(
    one: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "STALLED_S", 0.5)
    for number in range(400):
        await store.append_look("r1", look(number))
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
    await asyncio.to_thread(deaf.connect, ("127.0.0.1", one.port))
    deaf.sendall(request_of(one, "victor"))
    await eventually(lambda: one.app.state.live.viewers == 1, within_s=WITHIN_S)
    quick = Seen()
    await store.append("r1", (entry(1, Phase.ABORTED),))
    await follow(one, quick)
    assert quick.ended
    await eventually(lambda: one.app.state.live.viewers == 0, within_s=WITHIN_S)
    deaf.close()
