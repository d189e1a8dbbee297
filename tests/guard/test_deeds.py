"""Every deed of somebody known is in the audit trail once: who, what, from where, how it ended."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import Request
from tests.guard.conftest import House
from tests.support.access import browser, browser_of, token_for

from chimera.core.access import Role
from chimera.guard import actor, requires


async def trail(guarded: House) -> list[tuple[str, str, str, str, str]]:
    """Return what was noted after the users and their sessions were made."""
    entries = await guarded.access.audit.entries(limit=5)
    made = {"user.add", "link.make", "sign-in", "token.create"}
    return [
        (one.who, one.action, one.target, one.source, one.outcome)
        for one in entries
        if one.action not in made
    ]


async def test_what_is_done_and_what_is_refused_is_noted(guarded: House) -> None:
    async with browser_of(guarded.app, guarded.access, "olga") as olga:
        await olga.get("/")
        await olga.post("/services/shop")
        await olga.post("/services/pay")
        olga.csrf = "made up"
        await olga.post("/services/shop")
    assert await trail(guarded) == [
        ("olga", "POST /services/shop", "", "127.0.0.1", "refused"),
        ("olga", "POST /services/pay", "pay", "127.0.0.1", "refused"),
        ("olga", "POST /services/shop", "shop", "127.0.0.1", "done"),
    ]


async def test_a_token_is_named_with_its_owner(guarded: House) -> None:
    bearer = {"authorization": f"Bearer {await token_for(guarded.access, 'otto')}"}
    async with browser(guarded.app, "203.0.113.9") as program:
        await program.client.post("/api/services/shop", headers=bearer)
    who, _, target, source, outcome = (await trail(guarded))[0]
    assert (who, target, source, outcome) == ("token test of otto", "shop", "203.0.113.9", "done")


async def test_reading_and_strangers_leave_nothing(guarded: House) -> None:
    async with browser(guarded.app) as stranger:
        await stranger.get("/sign-in")
        await stranger.post("/services/shop")
        await stranger.client.post("/settings")
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        await ada.get("/services/shop")
        await ada.post("/echo")
        await ada.post("/nothing")
    assert await trail(guarded) == []


async def test_what_breaks_is_noted_as_failed(guarded: House) -> None:
    @guarded.app.post("/break", dependencies=[requires(Role.ADMIN)])
    async def broken() -> None:
        raise ZeroDivisionError

    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        assert (await ada.post("/break")).status_code == 500
    assert [one[4] for one in await trail(guarded)] == ["failed"]


async def test_a_handler_that_notes_it_itself_is_not_repeated(guarded: House) -> None:
    @guarded.app.post("/noted", dependencies=[requires(Role.ADMIN)])
    async def noted(request: Request) -> None:
        await guarded.access.audit.note(actor(request), "in better words", "shop")

    @guarded.app.post("/asked", dependencies=[requires(Role.ADMIN, deed=False)])
    async def asked() -> None: ...

    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        await ada.post("/noted")
        await ada.post("/asked")
    assert [one[1] for one in await trail(guarded)] == ["in better words"]


async def test_a_trail_that_cannot_be_written_is_logged_and_the_answer_given(
    guarded: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with browser_of(guarded.app, guarded.access, "ada") as ada:
        await ada.get("/")
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
            ledger.execute("DROP TABLE trail")
        assert (await ada.post("/settings")).status_code == 200
    assert "guard.not_noted" in [one.message for one in caplog.records]
