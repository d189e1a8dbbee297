"""A signal stops the work once, and what cleans up is never left half done."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from chimera.demo.interrupt import STILL, STOPPING, Interrupted, interruptible, to_its_end

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_more_signals_do_not_disturb_the_cleanup(number: signal.Signals) -> None:
    said: list[str] = []
    done: list[str] = []

    async def clean() -> None:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)
        done.append("clean")

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(60)
        finally:
            await to_its_end(clean())

    with pytest.raises(Interrupted):
        asyncio.run(interruptible(work(), said.append))
    assert (said, done) == ([STOPPING, STILL], ["clean"])


def test_a_first_signal_during_the_cleanup_waits_for_its_end() -> None:
    done: list[str] = []

    async def clean() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        done.append("clean")
        return "all"

    async def work() -> None:
        done.append(await to_its_end(clean()))

    with pytest.raises(Interrupted):
        asyncio.run(interruptible(work(), lambda _: None))
    assert done == ["clean"]


def test_what_ends_undisturbed_is_as_without() -> None:
    async def work() -> int:
        return await to_its_end(asyncio.sleep(0, 3))

    assert asyncio.run(interruptible(work(), lambda _: None)) == 3


def test_an_error_of_its_own_stays_what_it_is() -> None:
    async def work() -> None:
        await to_its_end(asyncio.wait_for(asyncio.sleep(60), 0.01))

    with pytest.raises(TimeoutError):
        asyncio.run(interruptible(work(), lambda _: None))


def test_a_terminal_that_is_gone_stops_it_as_well() -> None:
    def gone(_: str) -> None:
        raise OSError(5, "Input/output error")

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(60)

    with pytest.raises(Interrupted):
        asyncio.run(interruptible(work(), gone))
