"""No room for the ledger during a rollout: it holds, can be taken back, and catches up."""

from __future__ import annotations

from tests.support.disks import fill, on_small_disks, small_disk
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.load import Load, burst

from chimera.core.state import Phase


@on_small_disks
async def test_a_full_disk_stops_the_steps_but_not_the_way_back(house: House) -> None:
    house.write_spec(steps=[{"setWeight": 20, "bake": "8s"}, {"setWeight": 50, "bake": "2s"}])
    with small_disk(house.folder / "disk", 2) as disk:
        house.env["CHIMERA_DATABASE_URL"] = f"sqlite:///{disk}/ledger.db"
        await house.install("1")
        async with house.up(), Load(house.port, rate=60) as load:
            rollout = await house.deploy("2")
            await house.bakes(20)
            fill(disk / "ballast")
            looked = len(load.tally.latencies_ms)
            await eventually(lambda: len(load.tally.latencies_ms) > looked + 500, within_s=60)
            status = await house.run("status", rollout)
            assert "20 %" in status.out  # no new step, although its bake is over
            assert load.tally.revisions["2"] > 0
            await house.run("abort", rollout, "--yes", "--reason", "no room")
            sent = load.tally.revisions["1"]
            await eventually(lambda: load.tally.revisions["1"] > sent + 60, within_s=60)
            assert (await burst(house.port, 200)).revisions == {"1": 200}
            assert house.replicas() == ["1", "2"]  # what is to be removed waits for the ledger
            (disk / "ballast").unlink()
            view = await house.until(lambda view: view.state.over)
        assert "ledger.unavailable" in house.said
        assert "database or disk is full" in house.said
        assert view.state.phase is Phase.ABORTED
        assert load.tally.failures == []
        assert house.replicas() == ["1"]
        assert {line.weight for line in await house.lines()} == {0, 20}
        await house.run("audit", "verify")


@on_small_disks
async def test_without_room_a_deploy_says_so_and_leaves_nothing(house: House) -> None:
    with small_disk(house.folder / "disk", 2) as disk:
        ballast = disk / "ballast"
        house.env["CHIMERA_DATABASE_URL"] = f"sqlite:///{disk}/ledger.db"
        await house.install("1")
        await house.alone()
        before = await house.inventory()

        async def refused() -> str:
            fill(ballast)
            done = await house.run("deploy", "--version", "2", "--detach", code=1)
            ballast.unlink()
            history = await house.run("history", "-o", "json")
            assert [row["rollout"]["canary"]["name"] for row in history.data] == ["1"]
            assert await house.inventory() == before
            assert house.replicas() == ["1"]
            return done.err

        assert "Next: check that disk: it may be full" in await refused()  # it cannot even be read
        async with house.up():
            assert "Next: free some space there" in await refused()
            rollout = await house.deploy("2")
            await house.run("abort", rollout, "--yes")
            await house.until(lambda view: view.state.over)
        assert house.replicas() == ["1"]
        await house.run("audit", "verify")
