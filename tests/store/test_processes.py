"""Several processes on one ledger, and processes that die in the middle of a write."""

import asyncio
import random
import subprocess
import sys

import pytest
from tests.support.history import NOW, rollout

from chimera.store import Store, open_store


def write(url: str, name: str, count: int, shared: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.ledger_writer", url, name, str(count), shared],
        stdout=subprocess.PIPE,
        text=True,
    )


def read_all(process: subprocess.Popen[str]) -> list[str]:
    with process:
        return process.communicate(timeout=60)[0].splitlines()


async def test_two_processes_append_to_one_ledger(store: Store, url: str) -> None:
    count = 40
    await store.open_rollout(rollout("both", service="both"), NOW)
    processes = [write(url, name, count, "both") for name in ("one", "two")]
    for process in processes:
        assert len(await asyncio.to_thread(read_all, process)) == 1 + 2 * count
        assert process.returncode == 0
    for name in ("one", "two"):
        assert len(await store.events(name)) == len(await store.looks(name)) == count
        assert len(await store.inventory.find(service=name)) == count
    shared = await store.looks("both")
    assert [row.record.number for row in shared].count(count - 1) == 1
    assert len(shared) == count
    assert (await store.verify()).ok


def kill_after(process: subprocess.Popen[str], lines: int, delay_s: float) -> list[str]:
    """Kill a writer a moment after some acknowledgements; return all that it printed."""
    with process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(lines)]
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
        return [line.strip() for line in seen + process.stdout.readlines()]


@pytest.mark.parametrize("seed", range(2))
async def test_kill_9_in_the_middle_of_writing_loses_nothing_acknowledged(
    url: str, seed: int
) -> None:
    chance = random.Random(seed)
    process = write(url, "r1", 100_000)
    lines, delay_s = chance.randint(5, 200), chance.uniform(0.0, 0.01)
    seen = await asyncio.to_thread(kill_after, process, lines, delay_s)
    acknowledged_events = sum(line.startswith("event") for line in seen)
    acknowledged_looks = sum(line.startswith("look") for line in seen)
    async with open_store(url) as store:
        assert (await store.verify()).ok
        row = await store.get("r1")
        assert row.events == len(await store.events("r1"))
        assert row.looks == len(await store.looks("r1"))
        assert acknowledged_events <= row.events <= acknowledged_events + 1
        assert acknowledged_looks <= row.looks <= acknowledged_looks + 1
        assert row.live


async def test_after_a_kill_the_same_writes_complete_the_history(url: str) -> None:
    await asyncio.to_thread(kill_after, write(url, "r1", 100_000), 31, 0.0)
    async with open_store(url) as store:
        before = await store.events("r1")
    again = write(url, "r1", len(before) + 5)
    await asyncio.to_thread(read_all, again)
    assert again.returncode == 0
    async with open_store(url) as store:
        after = await store.events("r1")
        assert after[: len(before)] == before
        assert len(after) == len(before) + 5
        assert len(await store.looks("r1")) == len(before) + 5
        assert (await store.verify()).ok
