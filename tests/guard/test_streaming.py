"""Streams last as long as whoever watches may look, and say that they live."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import Request
from tests.guard.conftest import House
from tests.support.access import TEST, Browser, browser, browser_of, token_for

from chimera.core.access import Role
from chimera.guard import requires, streaming
from chimera.guard.streaming import EventStream, Viewer, event, streamed

WITHIN_S = 30.0


@pytest.fixture
async def endless(guarded: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house with streams that never end by themselves: /api/watch of all, /watch/shop of one."""
    monkeypatch.setattr(streaming, "CHECK_S", 0.05)
    monkeypatch.setattr(streaming, "BEAT_S", 0.02)

    async def events() -> AsyncGenerator[bytes]:
        yield event("first", name="began", id_="1")
        await asyncio.Event().wait()

    @guarded.app.get("/api/watch", dependencies=[requires(Role.VIEWER)])
    async def watch(request: Request) -> EventStream:
        return streamed(events(), Viewer(request))

    @guarded.app.get("/watch/{service}", dependencies=[requires(Role.VIEWER, service="service")])
    async def watch_one(request: Request, service: str) -> EventStream:
        return streamed(events(), Viewer(request, service))

    return guarded


async def _sign_out(house: House, who: Browser) -> None:
    await house.access.sessions.sign_out(who.client.cookies["chimera"], source="here")


async def _disable(house: House, who: Browser) -> None:
    await house.access.users.set_disabled("olga", disabled=True, by=TEST)


async def _take_the_role(house: House, who: Browser) -> None:
    await house.access.users.grant("olga", {"pay": Role.ADMIN}, by=TEST)


@pytest.mark.parametrize("loss", [_sign_out, _disable, _take_the_role])
async def test_a_stream_ends_with_the_right_to_look(
    endless: House, loss: Callable[[House, Browser], Awaitable[None]]
) -> None:
    async with browser_of(endless.app, endless.access, "olga") as olga:
        watching = asyncio.create_task(olga.get("/watch/shop"))
        done, _ = await asyncio.wait({watching}, timeout=0.3)
        assert not done, "whoever may look goes on to"
        await loss(endless, olga)
        async with asyncio.timeout(WITHIN_S):
            answer = await watching
        assert (await olga.get("/watch/shop")).status_code in {303, 403}
    assert answer.text.startswith("retry: 500\n\nevent: began\nid: 1\ndata: first\n\n: still here")


async def test_a_stream_of_a_token_ends_with_it(endless: House) -> None:
    token = await token_for(endless.access, "otto")
    async with browser(endless.app) as program:
        headers = {"authorization": f"Bearer {token}"}
        watching = asyncio.create_task(program.client.get("/api/watch", headers=headers))
        (view,) = await endless.access.tokens.all("otto")
        await asyncio.sleep(0.2)
        assert not watching.done()
        await endless.access.tokens.revoke(view.id, by=TEST)
        async with asyncio.timeout(WITHIN_S):
            assert "began" in (await watching).text


async def test_a_ledger_that_does_not_answer_ends_no_stream(endless: House, tmp_path: Path) -> None:
    def rename(before: str, after: str) -> None:
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
            ledger.execute(f"ALTER TABLE {before} RENAME TO {after}")

    async with browser_of(endless.app, endless.access, "olga") as olga:
        watching = asyncio.create_task(olga.get("/watch/shop"))
        await asyncio.sleep(0.2)
        rename("sessions", "away")
        endless.access.forget()
        done, _ = await asyncio.wait({watching}, timeout=0.5)
        assert not done
        rename("away", "sessions")
        await _disable(endless, olga)
        async with asyncio.timeout(WITHIN_S):
            await watching


async def test_a_late_stream_ends(endless: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "LONGEST", streaming.LONGEST / 10_000)
    async with browser_of(endless.app, endless.access, "olga") as olga, asyncio.timeout(WITHIN_S):
        assert "began" in (await olga.get("/watch/shop")).text


async def test_what_has_several_lines_is_one_event() -> None:
    assert event("a\r\nb\nc") == b"data: a\ndata: b\ndata: c\n\n"
    assert event(b"{}", name="end", id_="3-4") == b"event: end\nid: 3-4\ndata: {}\n\n"
