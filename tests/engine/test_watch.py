"""One watch by a clock of the test's, without a server: what it concludes from which looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.interposed import Trouble
from tests.support.watching import Stage

from chimera.core.errors import ProviderUnavailable
from chimera.core.events import Failed, Judged, LeaseExpired
from chimera.core.model import Verdict
from chimera.engine.watch import MAX_MISHAPS

OUTAGE = Trouble(ProviderUnavailable("memory", "metrics", "no answer"))


async def verdict(stage: Stage) -> Verdict:
    result = await stage.watch()
    assert isinstance(result, Judged)
    return result.judgement.verdict


async def test_a_healthy_minute_is_a_minute() -> None:
    stage = Stage()
    assert await verdict(stage) is Verdict.HEALTHY
    assert 60 <= stage.script.seconds <= 65
    assert len(stage.ledger.looks["r1"]) == 12


async def test_an_outage_at_the_end_of_the_bake_holds_it() -> None:
    stage = Stage()
    stage.script.at = {
        57: lambda: stage.trouble("metrics.read", OUTAGE),
        63: lambda: stage.trouble("metrics.read", None),
    }
    assert await verdict(stage) is Verdict.HEALTHY
    assert stage.script.seconds == 65  # the bake is over at 60, but nobody saw 55 to 60 until then


async def test_time_without_numbers_does_not_bake() -> None:
    stage = Stage()
    stage.script.at = {
        20: lambda: stage.trouble("metrics.read", OUTAGE),
        40: lambda: stage.trouble("metrics.read", None),
    }
    assert await verdict(stage) is Verdict.HEALTHY
    assert 75 <= stage.script.seconds <= 85


@pytest.mark.parametrize("operation", ["metrics.read", "router.renew"])
async def test_blindness_to_the_end_is_inconclusive_at_the_deadline(operation: str) -> None:
    stage = Stage()
    stage.script.at = {30: lambda: stage.trouble(operation, OUTAGE)}
    assert await verdict(stage) is Verdict.INCONCLUSIVE
    assert 120 <= stage.script.seconds <= 126


async def test_what_is_unseen_at_the_last_look_is_never_called_healthy() -> None:
    """The window is healthy and long enough, but its last look failed when the deadline came."""
    stage = Stage()
    stage.script.at = {
        14: lambda: stage.trouble("metrics.read", OUTAGE),
        72: lambda: stage.trouble("metrics.read", None),
        117: lambda: stage.trouble("metrics.read", OUTAGE),
    }
    assert await verdict(stage) is Verdict.INCONCLUSIVE


async def test_a_bad_canary_ends_the_watch_at_once_also_in_a_pause() -> None:
    for hold in (False, True):
        stage = Stage(hold=hold, settings={"faults": {"v2": {"errors": "50%"}}})
        assert await verdict(stage) is Verdict.UNHEALTHY
        assert stage.script.seconds <= 10


async def test_the_lease_is_renewed_more_often_than_looks_are_made() -> None:
    stage = Stage(lease=timedelta(seconds=6))
    assert await verdict(stage) is Verdict.HEALTHY
    looks, renewals = stage.ledger.looks["r1"], stage.platform.operations("router.renew")
    assert len(looks) == 12
    assert len(renewals) >= 30  # three per lease


async def test_a_lease_that_ran_out_is_told_from_an_edit() -> None:
    stage = Stage()
    stage.script.at = {20: lambda: setattr(stage.script, "seconds", stage.script.seconds + 20)}
    result = await stage.watch()
    assert isinstance(result, LeaseExpired)
    assert result.expected == 10


async def test_a_watch_goes_on_from_what_a_heartbeat_says() -> None:
    first = Stage()
    first.script.at = {42: lambda: first.trouble("router.renew", Trouble(ValueError("dies")))}
    assert isinstance(await first.watch(), Failed)
    memory = first.beat.memory
    assert memory is not None
    assert memory.baked_s == 40
    second = Stage()
    result = await second.watch(replace(memory, reading=None))
    assert isinstance(result, Judged)
    assert 20 <= second.script.seconds <= 25
    assert min(number for _, number in second.ledger.looks["r1"]) == memory.looks


async def test_a_bug_in_a_look_is_given_up_after_a_few() -> None:
    stage = Stage()
    stage.trouble("metrics.read", Trouble(ValueError("a bug")))
    result = await stage.watch()
    assert isinstance(result, Failed)
    assert "internal error: ValueError: a bug" in result.reason
    assert stage.platform.operations("metrics.read") == ["metrics.read"] * MAX_MISHAPS
