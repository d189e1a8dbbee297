"""Things that break while a rollout is under way, and what becomes of it."""

from __future__ import annotations

import os
import re
import signal

from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.load import Load, burst

from chimera.core.state import Phase

LONG = [{"setWeight": 50, "bake": "8s"}, {"setWeight": 100, "bake": "1s"}]


async def test_a_killed_envoy_comes_back_and_the_rollout_goes_on(home: House) -> None:
    home.write_spec(steps=LONG)
    async with home.up(), Load(home.port, rate=60) as load:
        await home.deploy("2")
        await home.bakes(50)
        (envoy,) = home.running("bootstrap.json")
        os.kill(envoy, signal.SIGKILL)
        view = await home.until(lambda view: view.state.over)
    assert view.state.phase is Phase.SUCCEEDED, view.headline
    assert len(home.running("bootstrap.json")) == 1
    assert home.starts() == ["1", "2"]
    assert home.replicas() == ["2"]
    # Users noticed it only while Envoy itself was away: no answer of a version failed.
    assert not [words for words in load.tally.failures if words.startswith("5")]
    assert set((await burst(home.port, 50)).revisions) == {"2"}


async def test_a_stable_replica_that_dies_is_replaced_and_the_canary_not_blamed(
    house: House,
) -> None:
    house.write_spec(steps=LONG, target={"replicas": 2})
    await house.install("1")
    async with house.up(), Load(house.port, rate=60):
        await house.deploy("2")
        await house.bakes(50)
        victim, _ = await house.pids("1")
        os.kill(victim, signal.SIGKILL)
        view = await house.until(lambda view: view.state.over)
    assert view.state.phase is Phase.SUCCEEDED, view.headline
    assert house.starts() == ["1", "1", "2", "2", "1"]
    assert house.replicas() == ["2", "2"]


async def test_a_canary_that_dies_is_taken_back_and_the_reason_said(home: House) -> None:
    home.write_spec(steps=[{"setWeight": 50, "bake": "5m"}])
    before = home.routes()
    async with home.up(), Load(home.port, rate=60):
        rollout = await home.deploy("2")
        await home.bakes(50)
        (victim,) = await home.pids("2")
        os.kill(victim, signal.SIGKILL)
        done = await home.run("status", rollout, "--watch", code=3)
    view = await home.view()
    assert view.state.phase is Phase.ROLLED_BACK
    assert view.state.exposure.errors > 0
    # the looks' window may still hold answers from before its death
    assert re.match(r"Rolled back: errors [1-9][\d.]* % against 0 % on stable", view.headline)
    assert "nothing left behind" in done.out + done.err
    assert home.replicas() == ["1"]
    assert home.routes() == before


async def test_a_second_controller_is_refused_and_the_first_undisturbed(home: House) -> None:
    home.write_spec(steps=LONG)
    async with home.up() as first, Load(home.port, rate=60) as load:
        await home.deploy("2")
        await home.bakes(50)
        second = await home.run("up", code=8)
        assert f"process {first.pid}" in second.err
        assert "every command finds it by itself" in second.err
        view = await home.until(lambda view: view.state.over)
    assert view.state.phase is Phase.SUCCEEDED
    assert load.tally.failures == []
    assert not [line for line in await home.lines() if line.kind == "lease_expired"]


async def test_a_controller_asked_to_stop_leaves_a_rollout_to_the_next(home: House) -> None:
    home.write_spec(steps=LONG, lease="2m")
    async with Load(home.port, rate=60) as load:
        async with home.up():
            await home.deploy("2")
            await home.bakes(50)
        assert home.running("chimera", "up") == {}
        await eventually(lambda: home.running("temporal") == {}, within_s=90)
        assert home.replicas() == ["1", "2"]
        async with home.up():
            view = await home.until(lambda view: view.state.over)
    assert view.state.phase is Phase.SUCCEEDED
    assert load.tally.failures == []
    assert home.starts() == ["1", "2"]
