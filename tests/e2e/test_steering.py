"""People steer rollouts by commands: what each does, what it answers, and its exit code."""

from __future__ import annotations

import asyncio
import json

from tests.support.house import House, ended
from tests.support.load import Load, burst

from chimera.core.state import Phase

ASK = {"approval": {"role": "operator"}}


async def test_pause_resume_approve_and_abort(home: House) -> None:
    steps = [{"setWeight": 20, "bake": "1s"}, ASK, {"setWeight": 50, "bake": "5m"}]
    home.write_spec(steps=steps)
    async with home.up(), Load(home.port, rate=60) as load:
        waits = await home.run("deploy", "--version", "2", "--wait", code=6)
        rollout = (await home.view()).rollout.id
        assert f"chimera approve, resume or abort {rollout}" in waits.err

        for args in (("deploy", "--version", "3"), ("down", "web", "--yes")):
            held = await home.run(*args, code=8)
            assert rollout in held.err
            assert "Next: " in held.err
        assert "use `chimera approve`" in (await home.run("resume", code=8)).err

        assert "on to 50 %" in (await home.run("approve", "--by", "ada")).out
        await home.bakes(50)
        assert "aused at 50 %" in (await home.run("pause", "--reason", "lunch", "--by", "bob")).out
        await home.holds(50)
        assert "bob: lunch" in (await home.run("status")).out
        assert (await home.run("approve", code=8)).err.startswith("error: nothing to approve")
        assert "bakes anew" in (await home.run("resume")).out
        await home.bakes(50)

        unsaid = await home.run("abort", code=2)
        assert "--yes" in unsaid.err
        assert (await home.view()).state.weight == 50
        assert "all traffic returns to stable" in (await home.run("abort", "--yes")).out
        await home.run("status", rollout, "--watch", code=4)
        assert home.replicas() == ["1"]
        assert (await home.run("abort", rollout, "--yes")).out == "Already aborted.\n"
    assert load.tally.failures == []


async def test_what_was_aborted_is_deployed_again_and_hastened(home: House) -> None:
    home.write_spec(steps=[{"setWeight": 20, "bake": "5m"}, {"setWeight": 100, "bake": "1s"}])
    async with home.up(), Load(home.port, rate=60) as load:
        rollout = await home.deploy("2")
        await home.bakes(20)
        await home.run("abort", rollout, "--yes")
        await home.until(lambda view: view.state.over)
        again = (await home.run("retry", rollout)).out.strip()
        assert again != rollout
        view = await home.bakes(20)
        assert (view.rollout.id, view.rollout.canary.name) == (again, "2")
        assert "to 100 % now" in (await home.run("promote", "--yes")).out
        await home.run("status", again, "--watch")
    assert load.tally.failures == []
    assert home.replicas() == ["2"]
    gone = await home.run("revert", again, "--yes", code=8)
    assert "deploy 1 again: chimera deploy web --version 1" in gone.err
    over = await home.run("retry", again, code=8)
    assert "nothing to retry" in over.err


async def test_a_warm_version_returns_at_once_or_gives_way(home: House) -> None:
    quick = [{"setWeight": 100, "bake": "1s"}]
    home.write_spec(steps=quick, scaleDownDelay="10m")
    async with home.up(), Load(home.port, rate=60) as load:
        done = await home.run("deploy", "--version", "2", "--wait")
        assert "chimera revert web" in done.err  # the old one is still warm
        pids = await home.pids("1")
        late = await home.run("abort", "--yes", code=8)
        assert "chimera revert" in late.err
        same = await home.run("deploy", "--version", "2")
        assert "stable one already" in same.err

        assert "returns to the version before" in (await home.run("revert", "--yes")).out
        await home.run("status", "web", "--watch", code=4)
        assert await home.pids() == pids  # version 1 was not started again
        assert set((await burst(home.port, 100)).revisions) == {"1"}
        assert load.tally.failures == []

        await home.run("deploy", "--version", "3", "--wait")
        warm = await home.view()
        assert warm.state.phase is Phase.RETIRING
        await home.run("deploy", "--version", "4", "--wait")
        former = await home.view(warm.rollout.id)
        assert former.state.phase is Phase.SUCCEEDED
        assert any(
            "the next rollout is waiting" in x.sentence for x in await home.lines(warm.rollout.id)
        )
        assert "1" not in home.replicas()
        assert home.replicas() == ["3", "4"]
    assert load.tally.failures == []
    assert home.starts() == ["1", "2", "3", "4"]


async def test_a_saved_plan_is_refused_when_reality_has_drifted(home: House) -> None:
    home.write_spec(steps=[{"setWeight": 100, "bake": "1s"}])
    await home.run("plan", "--version", "2", "--out", "plan.json", "--exit-code", code=10)
    json.loads((home.folder / "plan.json").read_text())
    async with home.up(), Load(home.port, rate=60):
        await home.run("deploy", "--version", "3", "--wait")
        drifted = await home.run("deploy", "--plan", "plan.json", code=8)
        assert "stable is 3, not 1" in drifted.err
        assert "fresh `chimera plan`" in drifted.err
        assert (await home.view()).rollout.canary.name == "3"
        assert home.starts() == ["1", "3"]
        await home.run("plan", "--version", "2", "--out", "plan.json", "--quiet")
        await home.run("deploy", "--plan", "plan.json", "--wait")
    assert home.replicas() == ["2"]


async def test_of_two_deploys_at_once_one_wins(home: House) -> None:
    home.write_spec(steps=[{"setWeight": 20, "bake": "5m"}])
    async with home.up():
        both = [await home.start("deploy", "--version", v, "--detach") for v in ("2", "3")]
        first, second = await asyncio.gather(*(ended(one) for one in both))
        assert sorted((first.code, second.code)) == [0, 8]
        lost, won = (first, second) if first.code else (second, first)
        assert won.out.strip() in lost.err
        assert "Traceback" not in lost.err
        await home.bakes(20)
        assert len(home.starts()) == 2
        await home.run("abort", "--yes")
        await home.until(lambda view: view.state.over)
    assert home.replicas() == ["1"]
