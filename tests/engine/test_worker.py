"""The worker's own settings of the SDK."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.engine import Rig

from chimera.engine.worker import DECISIONS, LONGEST_DECISION_S, run_worker


async def test_a_decision_is_not_taken_for_a_deadlock_on_a_busy_machine(bare: Rig) -> None:
    """The SDK has no public setting: should its name change, this says so."""
    async with run_worker(bare.settings, bare.address, bare.deps) as worker:
        decisions = worker._workflow_worker
        assert decisions is not None
        assert decisions._deadlock_timeout_seconds == LONGEST_DECISION_S
        threads = decisions._workflow_task_executor
        assert isinstance(threads, ThreadPoolExecutor)
        assert threads._max_workers == DECISIONS  # more would keep the watches from looking


async def test_an_answer_after_its_call_was_cancelled_is_nobodys_trouble(
    bare: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """So the SDK's core answers at times; it was an error in a stopping controller's log."""
    loop = asyncio.get_running_loop()
    with caplog.at_level(logging.ERROR, "asyncio"):
        async with run_worker(bare.settings, bare.address, bare.deps):
            call: asyncio.Future[None] = loop.create_future()
            call.cancel()
            loop.call_soon(call.set_result, None)
            loop.call_soon(_fail)
            await asyncio.sleep(0.01)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


def _fail() -> None:
    raise KeyError
