"""The controller is killed and nobody restarts it: users are safe, and people are told."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.load import Load, burst

from chimera.core.state import Phase

LEASE_S = 3.0
# From the lease's last renewal on; above it only what a busy machine takes to notice.
WITHIN_S = LEASE_S + 3.0


async def test_users_are_back_on_stable_and_the_next_start_explains_it(home: House) -> None:
    bakes = [{"setWeight": 50, "bake": "8s"}, {"setWeight": 100, "bake": "1s"}]
    home.write_spec(steps=bakes, lease=f"{LEASE_S:g}s")
    async with home.up() as controller, Load(home.port, rate=100) as load:
        rollout = await home.deploy("2")
        await home.bakes(50)
        before = load.tally.revisions["2"]
        await eventually(lambda: load.tally.revisions["2"] > before + 50, within_s=30)
        controller.kill()
        await controller.wait()
        killed_at = asyncio.get_running_loop().time()
        await asyncio.sleep(WITHIN_S)
        assert load.tally.last_seen["2"] - killed_at < WITHIN_S
        served = await burst(home.port, 300)
        assert served.revisions == {"1": 300}
        assert load.tally.last_seen["2"] - killed_at < WITHIN_S

        status = await home.run("status", rollout)
        told = " ".join(status.out.split())
        assert "No controller runs, so nothing moves" in told
        assert "all traffic is back on 1 within 3 s" in told
        assert "`chimera up`" in told
        assert home.replicas() == ["1", "2"]  # nothing is removed by nobody

        async with home.up() as second:
            view = await home.until(lambda view: view.state.over)
            assert view.state.phase is Phase.SUCCEEDED
            assert second.returncode is None
        lines = [line for line in await home.lines() if line.kind == "lease_expired"]
        assert lines
        logs = await home.run("logs", rollout)
        assert lines[0].sentence in logs.out
        assert "all traffic went back to 1 by itself" in lines[0].sentence
    assert load.tally.failures == []
    assert home.starts() == ["1", "2"]
    assert home.replicas() == ["2"]


@pytest.mark.parametrize("verb", ["abort"])
async def test_a_request_brings_a_controller_by_itself(home: House, verb: str) -> None:
    home.write_spec(steps=[{"setWeight": 50, "bake": "5m"}])
    async with home.up() as controller:
        rollout = await home.deploy("2")
        await home.bakes(50)
        controller.kill()
        await controller.wait()
    done = await home.run(verb, rollout, "--yes", "--by", "ada", "--reason", "enough")
    assert "all traffic returns to stable" in done.out
    assert (await home.run("status", rollout, "--watch", code=4)).code == 4
    assert (await home.view()).state.phase is Phase.ABORTED
    assert home.replicas() == ["1"]
