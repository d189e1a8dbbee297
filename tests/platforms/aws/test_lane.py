"""A rollback's calls go first, and nobody loses a turn."""

from __future__ import annotations

import asyncio
import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from chimera.platforms.aws.lane import PATIENT, URGENT, Lane
from chimera.platforms.aws.threads import Threads
from chimera.ports.urgency import urgent


async def take(lane: Lane, name: str, done: list[str], *, hurry: bool = False) -> None:
    async def turn() -> None:
        async with lane.turn():
            done.append(name)
            await asyncio.sleep(0)

    if hurry:
        with urgent():
            await turn()
    else:
        await turn()


async def test_an_urgent_call_overtakes_those_that_wait() -> None:
    lane, done = Lane(1), list[str]()
    async with lane.turn():
        waiting = [asyncio.create_task(take(lane, str(n), done)) for n in range(3)]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(take(lane, "urgent", done, hurry=True)))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert done == ["urgent", "0", "1", "2"]


async def test_after_throttling_only_urgent_calls_go_at_once() -> None:
    lane, done = Lane(4), list[str]()
    lane.hold_back(2)
    begun = time.monotonic()
    patient = asyncio.create_task(take(lane, "patient", done))
    await take(lane, "urgent", done, hurry=True)
    assert done == ["urgent"]
    await patient
    assert time.monotonic() - begun >= 1.9
    assert done == ["urgent", "patient"]


async def test_calls_without_an_answer_hold_up_no_urgent_one() -> None:
    lane, done = Lane(2, reserved=1), list[str]()
    async with lane.turn(), lane.turn():
        waiting = asyncio.create_task(take(lane, "patient", done))
        await take(lane, "urgent", done, hurry=True)
        assert done == ["urgent"]
    await waiting


async def test_threads_that_hang_hold_up_no_urgent_call() -> None:
    threads, answered = Threads(1), threading.Event()
    hung = threads.submit(answered.wait)
    waiting = threads.submit(lambda: "patient")
    with urgent():
        found = threads.submit(lambda: "urgent")
    assert await asyncio.wrap_future(found) == "urgent"
    assert not waiting.done()
    answered.set()
    assert await asyncio.wrap_future(waiting) == "patient"
    assert hung.result()
    threads.close()


async def test_a_cancelled_waiter_gives_its_turn_away() -> None:
    lane, done = Lane(1), list[str]()
    async with lane.turn():
        first = asyncio.create_task(take(lane, "first", done))
        second = asyncio.create_task(take(lane, "second", done))
        await asyncio.sleep(0)
        first.cancel()
    await asyncio.wait_for(second, 1)
    assert done == ["second"]
    await asyncio.wait_for(take(lane, "third", done), 1)


async def busy(lane: Lane, callers: int, *, hurry: bool = False) -> int:
    """Return how many of so many callers are let in at once."""
    inside, enough = 0, asyncio.Event()

    async def one() -> None:
        nonlocal inside
        async with lane.turn():
            inside += 1
            await enough.wait()

    async def all_of_them() -> None:
        calls = [asyncio.create_task(one()) for _ in range(callers)]
        await asyncio.sleep(0.01)
        seen.append(inside)
        enough.set()
        await asyncio.gather(*calls)

    seen: list[int] = []
    if hurry:
        with urgent():
            await all_of_them()
    else:
        await all_of_them()
    return seen[0]


async def test_throttling_halves_the_places_and_good_calls_give_them_back() -> None:
    lane = Lane(16)
    assert await busy(lane, 20) == 16
    for _ in range(3):  # of one burst, which counts once
        lane.hold_back(0.01)
    await asyncio.sleep(0.02)
    assert await busy(lane, 20) == lane.places == 8
    assert await busy(lane, 20, hurry=True) == 16
    for _ in range(8):
        lane.went_well()
    assert await busy(lane, 20) == 8  # a ninth comes with the next one
    lane.went_well()
    assert await busy(lane, 20) == 9
    for _ in range(9):
        lane.hold_back(0.0)
        await asyncio.sleep(0.001)
    assert await busy(lane, 20) == lane.places == 1
    for _ in range(500):
        lane.went_well()
    assert lane.places == 16


@given(st.integers(1, 30))
def test_a_pause_is_bounded_and_jittered(failed: int) -> None:
    for backoff in (PATIENT, URGENT):
        pauses = [backoff.pause_s(failed) for _ in range(20)]
        assert all(0 <= pause <= backoff.most_s for pause in pauses)
        assert len(set(pauses)) > 1
