"""The writer of looks: in order, never in the way, and nothing lost but what must be."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.eventually import eventually
from tests.support.ledger import MemoryLedger

from chimera.core.model import Judgement, Look, Verdict
from chimera.engine import looks
from chimera.engine.looks import LookWriter
from chimera.ports.ledger import LookRecord

AT = datetime(2030, 1, 1, tzinfo=UTC)


def record(number: int) -> LookRecord:
    judgement = Judgement(AT, Verdict.HEALTHY, "fine")
    return LookRecord(1, number, 0, Look(AT, timedelta(seconds=1), 10), None, judgement)


class Picky(MemoryLedger):
    """Has a bug with the third look."""

    async def append_look(self, rollout: str, record: LookRecord) -> None:
        if record.number == 2:
            raise KeyError("a bug")
        await super().append_look(rollout, record)


def numbers(ledger: MemoryLedger) -> list[int]:
    return [number for _, number in ledger.looks.get("r1", {})]


async def test_looks_wait_for_a_ledger_that_is_down_and_keep_their_order() -> None:
    ledger = MemoryLedger(down="disk full")
    writer = LookWriter(ledger)
    for number in range(5):
        writer.add("r1", record(number))
    await eventually(lambda: ledger.refused)
    ledger.down = ""
    await writer.close()
    assert numbers(ledger) == [0, 1, 2, 3, 4]


async def test_a_look_that_the_ledger_cannot_take_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "MAX_TRIES", 2)
    ledger = Picky()
    writer = LookWriter(ledger)
    for number in range(5):
        writer.add("r1", record(number))
    await eventually(lambda: numbers(ledger) == [0, 1, 3, 4], within_s=90)
    await writer.close()


class Slow(MemoryLedger):
    """Each commit takes a while, however much is in it."""

    async def append_look(self, rollout: str, record: LookRecord) -> None:
        await asyncio.sleep(0.1)
        await super().append_look(rollout, record)


async def test_looks_that_wait_are_written_together() -> None:
    ledger = Slow()
    writer = LookWriter(ledger)
    for number in range(150):
        writer.add("r1", record(number))
    await writer.close(timeout_s=5)
    assert numbers(ledger) == list(range(150))


async def test_memory_is_bounded_while_the_ledger_is_down(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(looks, "MAX_WAITING", 3)
    ledger = MemoryLedger(down="disk full")
    writer = LookWriter(ledger)
    for number in range(5):
        writer.add("r1", record(number))
    ledger.down = ""
    await writer.close()
    assert numbers(ledger) == [2, 3, 4]
    assert "ledger.look_lost" in caplog.text


async def test_closing_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    writer = LookWriter(MemoryLedger(down="disk full"))
    writer.add("r1", record(0))
    await writer.close(timeout_s=0.1)
    assert "ledger.looks_lost" in caplog.text
