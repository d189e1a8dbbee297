"""Two data folders, each with an engine of its own, on one ledger: each drives only its own."""

from __future__ import annotations

from tests.support.house import House
from tests.support.house import house as open_house
from tests.support.load import Load, burst

from chimera.core.state import Phase


async def test_a_second_controller_leaves_the_first_ones_rollout_alone(house: House) -> None:
    house.write_spec(steps=[{"setWeight": 50, "bake": "10m"}])
    async with open_house() as other:
        for one in (house, other):
            one.env["CHIMERA_DATABASE_URL"] = f"sqlite:///{house.folder / 'shared.db'}"
        await house.install("1")
        async with house.up(), Load(house.port, rate=60) as load:
            rollout = await house.deploy("2")
            await house.bakes(50)
            name = (house.home / "identity").read_text().strip()
            async with other.up():
                view = await house.view()
                assert (view.state.phase, view.state.weight) == (Phase.PROGRESSING, 50)
                where = f"driven by another controller, {name}"
                assert where in " ".join((await other.run("status", rollout)).out.split())
                listed = " ".join((await other.run("history")).out.split())
                assert "another controller" in listed
                refused = await other.run("abort", rollout, "--yes", code=8)
                assert where in refused.err
                assert name in (await other.run("down", "web", "--yes", code=8)).err
                swept = await other.run("gc", "-o", "json")
                assert swept.data["found"] == []
                assert f"of web are left to another controller, {name}" in swept.err
            await house.run("abort", rollout, "--yes")
            view = await house.until(lambda view: view.state.over)
            assert view.state.phase is Phase.ABORTED
        assert load.tally.failures == []
        assert house.replicas() == ["1"]
        assert (await burst(house.port, 50)).revisions == {"1": 50}
        await house.run("audit", "verify")
