"""A whole rollout with its ledger in PostgreSQL."""

from __future__ import annotations

from tests.support.house import House
from tests.support.load import Load
from tests.support.postgres import PASSWORD, Server, on_postgres

from chimera.core.state import Phase


@on_postgres
async def test_a_rollout_is_promoted_and_another_taken_back(house: House, postgres: Server) -> None:
    house.write_spec(faults="3=0.5")
    with postgres.schema() as url:
        house.env["CHIMERA_DATABASE_URL"] = url.render_as_string(hide_password=False)
        async with house.up(), Load(house.port, rate=60):
            await house.install("1")
            await house.run("deploy", "--version", "2", "--wait")
            await house.run("deploy", "--version", "3", "--wait", code=3)
            history = await house.run("history", "-o", "json")
            await house.run("audit", "verify")
            await house.run("down", "web", "--yes")
        phases = [row["state"]["phase"] for row in history.data]
        assert phases == [Phase.ROLLED_BACK, Phase.SUCCEEDED, Phase.SUCCEEDED]
        await house.nothing_left()
        assert not (house.home / "ledger.db").exists()
        logged = "".join(f.read_text(errors="replace") for f in house.home.glob("**/*.log"))
        assert PASSWORD not in logged
