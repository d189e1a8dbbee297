"""The controller is killed and nobody restarts it: users are safe, and people are told."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta

import httpx
import pytest
from tests.support.access import TEST
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.load import Load, burst

from chimera.app.access import open_access
from chimera.app.lock import find_controller
from chimera.app.settings import Settings
from chimera.core.state import Phase

LEASE_S = 15  # Chimera's own default: nothing says another one here
QUIET_S = 5.0


async def page_of(home: House, path: str) -> str:
    """What the owner of the data folder reads on the controller's page, without the markup."""
    found = find_controller(home.home)
    assert found is not None
    env = {"CHIMERA_HOME": str(home.home)}
    async with open_access(Settings.from_environment(env)) as access:
        owner = (await access.users.all())[0].name
        code = await access.sessions.make_link(owner, valid=timedelta(minutes=5), by=TEST)
        secret = await access.sessions.sign_in_by_link(code, source="127.0.0.1")
    async with httpx.AsyncClient(base_url=found.page, cookies={"chimera": secret}) as client:
        answer = await client.get(path, headers={"accept": "text/html"}, timeout=60)
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


async def test_users_are_back_on_stable_and_the_next_start_explains_it(home: House) -> None:
    bakes = [{"setWeight": 50, "bake": "8s"}, {"setWeight": 100, "bake": "1s"}]
    home.write_spec(steps=bakes, lease=None)
    async with home.up() as controller, Load(home.port, rate=100) as load:
        rollout = await home.deploy("2")
        await home.bakes(50)
        before = load.tally.revisions["2"]
        await eventually(lambda: load.tally.revisions["2"] > before + 50, within_s=90)
        controller.kill()
        await controller.wait()
        assert find_controller(home.home) is None
        loop = asyncio.get_running_loop()
        await eventually(lambda: loop.time() - load.tally.last_seen["2"] > QUIET_S, within_s=60)
        served = await burst(home.port, 300)
        assert served.revisions == {"1": 300}

        status = await home.run("status", rollout)
        told = " ".join(status.out.split())
        assert "No controller runs, so nothing moves" in told
        assert f"all traffic is back on 1 within {LEASE_S} s" in told
        assert "`chimera up`" in told
        assert home.replicas() == ["1", "2"]  # nothing is removed by nobody
        assert find_controller(home.home) is None  # and nobody brought it back

        async with home.up() as second:
            view = await home.until(lambda view: view.state.over)
            assert view.state.phase is Phase.SUCCEEDED
            assert second.returncode is None
            lines = [line for line in await home.lines() if line.kind == "lease_expired"]
            assert lines
            assert "all traffic went back to 1 by itself" in lines[0].sentence
            assert lines[0].sentence in await page_of(home, f"/rollouts/{rollout}")
        logs = await home.run("logs", rollout)
        assert lines[0].sentence in logs.out
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
    answers = ("all traffic returns to stable", "as soon as a worker is back")  # in 3 s, or not
    assert any(words in done.out for words in answers)
    assert (await home.run("status", rollout, "--watch", code=4)).code == 4
    assert (await home.view()).state.phase is Phase.ABORTED
    assert home.replicas() == ["1"]
