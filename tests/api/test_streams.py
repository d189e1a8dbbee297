"""Live streams: resumable on any replica, capped, and never held up by who does not read."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.eventually import eventually
from tests.support.history import NOW, entry, look, rollout
from tests.support.served import Served, served

from chimera.api import streams
from chimera.core.state import Phase
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


async def test_a_silent_stream_beats_and_a_long_one_ends(
    one: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = one.app.state.live.watch("r1")
    beats = [
        update
        async for update in streams.beating(source, every_s=0.02, longest=streams.LONGEST / 10_000)
    ]
    assert beats[0] is not None
    assert None in beats
    await eventually(lambda: one.app.state.live.viewers == 0)


def request_of(one: Served, name: str) -> bytes:
    """Return the request for r1's stream, as it goes over the wire."""
    head = ("GET /api/v1/rollouts/r1/stream HTTP/1.1", "host: 127.0.0.1")
    return "\r\n".join((*head, f"authorization: Bearer {one.tokens[name]}", "", "")).encode()


async def test_a_thousand_streams_are_capped_cleanly(home: Path) -> None:
    async with served(home, streams=200, streams_per_user=100) as one:
        await one.chimera._store.open_rollout(rollout("r1", service="shop"), NOW)
        opened: list[asyncio.StreamWriter] = []
        codes: Counter[bytes] = Counter()

        async def ask(name: str) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
            writer.write(request_of(one, name))
            codes[(await reader.readline()).split()[1]] += 1
            opened.append(writer)

        async with asyncio.timeout(60):
            for _ in range(10):
                names = [name for name in ("victor", "otto", "ada", "olga") for _ in range(25)]
                await asyncio.gather(*map(ask, names))
        assert codes == {b"200": 200, b"429": 800}
        async with one.client("ada") as client:  # everything else is still answered
            assert (await client.get("/api/v1/rollouts/r1")).status_code == 200
        for writer in opened:
            writer.close()
        await asyncio.gather(*(one.wait_closed() for one in opened), return_exceptions=True)
        await eventually(lambda: one.app.state.live.viewers == 0, within_s=WITHIN_S)
        await follow(one, Seen(), most=1)


async def test_who_does_not_read_is_let_go_and_holds_up_nobody(
    one: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STALLED_S", 0.5)
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
