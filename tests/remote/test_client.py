"""Answers that take long: a write is asked for once and waited for, a question is not repeated."""

import asyncio

import httpx
import pytest
from tests.support.eventually import eventually
from tests.support.served import Served

from chimera.api import idempotency
from chimera.app.login import Login
from chimera.app.reports import Sweep
from chimera.core.errors import ServerError
from chimera.remote import client as module
from chimera.remote.client import ApiClient
from chimera.remote.operations import RemoteChimera

SOON = httpx.Timeout(0.3, connect=30)


class Slow:
    """What is swept there takes until it may end. asked: how often it was asked for."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.asked = 0

    async def gc(self, *, dry_run: bool) -> Sweep:
        assert not dry_run
        self.asked += 1
        await self.end.wait()
        return Sweep((), unseen=("somewhere",))


@pytest.fixture
def slow(one: Served, monkeypatch: pytest.MonkeyPatch) -> Slow:
    found = Slow()
    monkeypatch.setattr(one.chimera, "gc", found.gc)
    monkeypatch.setattr(module, "_WRITING", SOON)
    monkeypatch.setattr(idempotency, "PATIENCE_S", 0.2)
    return found


async def test_a_write_that_takes_long_is_waited_for_and_done_once(
    one: Served, client: ApiClient, heard: list[str], slow: Slow
) -> None:
    sweeping = asyncio.create_task(RemoteChimera(client).gc(dry_run=False))
    await eventually(lambda: len(heard) > module._TRIES, within_s=60)
    assert f"{one.url} is at it for " in heard[0]
    slow.end.set()
    assert await sweeping == Sweep((), unseen=("somewhere",))
    assert slow.asked == 1


async def test_a_write_without_an_end_is_left_with_a_word_about_it(
    client: ApiClient, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_S", 0)
    sweeping = asyncio.create_task(RemoteChimera(client).gc(dry_run=False))
    await eventually(lambda: slow.asked, within_s=60)
    monkeypatch.setattr(module, "_BUSY_S", 0)
    with pytest.raises(ServerError, match="still being carried out over there") as left:
        await sweeping
    assert "chimera audit list" in left.value.hint
    assert slow.asked == 1
    slow.end.set()


async def test_the_key_is_kept_for_longer_than_a_write_is_sent_again() -> None:
    assert idempotency.CLAIMED.total_seconds() > module._BUSY_S + 110


async def test_a_question_that_takes_long_is_asked_once(
    one: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    over = asyncio.Event()

    async def services() -> list[object]:
        nonlocal asked
        asked += 1
        await over.wait()
        return []

    monkeypatch.setattr(one.chimera, "services", services)
    monkeypatch.setattr(module, "_READING", SOON)
    client = ApiClient(Login(one.url, one.tokens["ada"]))
    with pytest.raises(ServerError, match="cannot be reached"):
        await client.get(list[object], "/services")
    assert asked == 1
    over.set()
    await client.close()
