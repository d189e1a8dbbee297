"""One poll for all viewers, and a cursor that any replica goes on from."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, closing
from pathlib import Path

import pytest
from tests.support.eventually import eventually
from tests.support.history import NOW, entry, look, rollout

from chimera.app.feeds import KEPT, PAGE
from chimera.app.live import LiveHub, Update
from chimera.core.errors import RolloutNotFound, SpecError
from chimera.core.state import Phase
from chimera.store import Store, open_store

WITHIN_S = 20.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        await opened.open_rollout(rollout("r1"), NOW)
        yield opened


@pytest.fixture
async def hub(store: Store) -> AsyncIterator[LiveHub]:
    opened = LiveHub(store)
    yield opened
    await opened.close()


async def collect(
    hub: LiveHub, enough: Callable[[Update], object], after: str = ""
) -> list[Update]:
    """Watch until an update is enough."""
    seen = []
    async with asyncio.timeout(WITHIN_S), aclosing(hub.watch("r1", after)) as updates:
        async for update in updates:
            seen.append(update)
            if enough(update):
                break
    return seen


def numbers(seen: list[Update]) -> tuple[list[int], list[int]]:
    return (
        [one.number for update in seen for one in update.looks],
        [one.seq for update in seen for one in update.lines],
    )


async def write(store: Store, looks: range, *entries: tuple[int, Phase]) -> None:
    for number in looks:
        await store.append_look("r1", look(number))
    for seq, phase in entries:
        await store.append("r1", (entry(seq, phase),))


async def test_a_viewer_gets_all_in_order_and_once_until_it_is_over(
    store: Store, hub: LiveHub
) -> None:
    await write(store, range(3), (1, Phase.PROGRESSING))
    watching = asyncio.create_task(collect(hub, lambda update: update.over))
    for number in range(3, 8):
        await write(store, range(number, number + 1), (number - 1, Phase.PROGRESSING))
        await asyncio.sleep(0.1)
    await write(store, range(0), (7, Phase.ABORTED))
    seen = await watching
    assert numbers(seen) == (list(range(1, 9)), list(range(1, 8)))
    assert seen[-1].view.state.phase is Phase.ABORTED
    assert seen[-1].cursor == "8-7"


async def test_another_replica_goes_on_from_a_cursor(store: Store, hub: LiveHub) -> None:
    await write(store, range(4), (1, Phase.PROGRESSING))
    first = await collect(hub, lambda update: update.cursor == "4-1")
    await write(store, range(4, 6), (2, Phase.ABORTED))
    other = LiveHub(store)
    rest = await collect(other, lambda update: update.over, after=first[-1].cursor)
    assert numbers(rest) == ([5, 6], [2])
    await other.close()


async def test_a_long_history_comes_in_pieces(store: Store, hub: LiveHub) -> None:
    await write(store, range(PAGE + 20), (1, Phase.ABORTED))
    seen = await collect(hub, lambda update: update.over)
    assert [len(update.looks) for update in seen] == [PAGE, 20]
    assert numbers(seen)[0] == list(range(1, PAGE + 21))


async def test_a_slow_viewer_misses_nothing_of_what_the_feed_has_forgotten(
    store: Store, hub: LiveHub
) -> None:
    await write(store, range(1), (1, Phase.PROGRESSING))
    async with aclosing(hub.watch("r1")) as slow:
        got = [await anext(slow)]
        keeps_going = asyncio.create_task(collect(hub, lambda update: update.at.look > KEPT + 40))
        await write(store, range(1, KEPT + 50))
        await keeps_going
        while got[-1].at.look < KEPT + 50:
            got.append(await asyncio.wait_for(anext(slow), WITHIN_S))
    assert numbers(got)[0] == list(range(1, KEPT + 51))


async def test_viewers_share_one_poll_and_one_update(
    store: Store, hub: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(store, range(1), (1, Phase.PROGRESSING))
    tasks = [
        asyncio.create_task(collect(hub, lambda update: update.over, after="1-1"))
        for _ in range(20)
    ]
    await eventually(lambda: hub.viewers == 20)
    assert len(hub._rollouts) == 1
    await write(store, range(1, 2), (2, Phase.ABORTED))
    ends = [(await task)[-1] for task in tasks]
    assert len({id(update) for update in ends}) == 1
    assert hub.viewers == 0


async def test_what_cannot_be_watched_is_said_at_once(store: Store, hub: LiveHub) -> None:
    with pytest.raises(RolloutNotFound):
        await anext(hub.watch("nothing"))
    for cursor in ("x", "1", "1-", "-1-1", "1-1-1", "٣-٣", f"{10**30}-1"):
        with pytest.raises(SpecError):
            await anext(hub.watch("r1", cursor))
    assert hub.viewers == 0


async def test_a_made_up_cursor_waits_for_what_is_after_it(store: Store, hub: LiveHub) -> None:
    await write(store, range(1), (1, Phase.ABORTED))
    seen = await collect(hub, lambda update: update.over, after="999-999")
    assert numbers(seen) == ([], [])


async def test_closing_ends_every_stream(store: Store, hub: LiveHub) -> None:
    async def to_the_end() -> int:
        return len([one async for one in hub.watch("r1")])

    tasks = [asyncio.create_task(to_the_end()) for _ in range(3)]
    await eventually(lambda: hub.viewers == 3)
    await hub.close()
    assert await asyncio.wait_for(asyncio.gather(*tasks), WITHIN_S) == [1, 1, 1]


async def test_while_the_ledger_is_gone_viewers_see_the_last_view_and_why(
    tmp_path: Path, store: Store, hub: LiveHub
) -> None:
    await write(store, range(1), (1, Phase.PROGRESSING))
    async with aclosing(hub.watch("r1")) as updates:
        assert not (await anext(updates)).trouble
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
            other.execute("ALTER TABLE rollouts RENAME TO hidden")
            broken = await asyncio.wait_for(anext(updates), WITHIN_S)
            assert broken.trouble
            assert broken.view.state.phase is Phase.PROGRESSING
            other.execute("ALTER TABLE hidden RENAME TO rollouts")
        mended = await asyncio.wait_for(anext(updates), WITHIN_S)
        assert not mended.trouble


async def test_the_house_shows_what_is_live_and_what_ended(store: Store, hub: LiveHub) -> None:
    async with aclosing(hub.watch_house()) as house:
        first = await anext(house)
        assert [one.rollout.id for one in first.live] == ["r1"]
        await store.open_rollout(rollout("r2", service="other"), NOW)
        await write(store, range(0), (1, Phase.ABORTED))
        async with asyncio.timeout(WITHIN_S):
            async for now in house:
                if now.recent and len(now.live) == 1:
                    break
        assert [one.rollout.id for one in now.live] == ["r2"]
        assert [one.rollout.id for one in now.recent] == ["r1"]
