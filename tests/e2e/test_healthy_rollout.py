"""A healthy rollout from the first command to the last, under load: nobody notices."""

from __future__ import annotations

import math

from tests.support.house import House
from tests.support.load import Load, burst

from chimera.core.state import Phase

REQUESTS = 1500
# A binomial count is outside these many standard deviations once in a thousand times.
Z = 3.2905


async def test_splits_are_exact_and_no_request_fails(home: House) -> None:
    held = [
        part
        for weight in (5, 25, 50)
        for part in ({"setWeight": weight, "bake": "1s"}, {"approval": {"role": "operator"}})
    ]
    home.write_spec(steps=[*held, {"setWeight": 100, "bake": "1s"}])
    async with (
        Load(home.port, rate=60) as fast,
        Load(home.port, rate=20, path="/slow", patience_s=20) as slow,
    ):
        rollout = await home.deploy("2")
        for weight in (5, 25, 50):
            await home.holds(weight)
            split = (await burst(home.port, REQUESTS)).revisions
            bound = Z * math.sqrt(REQUESTS * weight / 100 * (1 - weight / 100)) + 0.5
            assert abs(split["2"] - REQUESTS * weight / 100) <= bound, (weight, split)
            assert split["1"] + split["2"] == REQUESTS
            await home.run("approve", rollout, "--by", "ada")
        view = await home.until(lambda view: view.state.over)
    assert view.state.phase is Phase.SUCCEEDED
    for tally in (fast.tally, slow.tally):
        assert tally.failures == []
        assert tally.statuses == {200: tally.sent}
        assert min(tally.revisions["1"], tally.revisions["2"]) > 20
    assert home.replicas() == ["2"]
    assert home.starts() == ["1", "2"]
    assert set((await burst(home.port, 50)).revisions) == {"2"}
    found = await home.run("gc", "--dry-run", "-o", "json")
    assert found.data["found"] == []
    await home.run("audit", "verify")
    await home.run("down", "web", "--yes")
    await home.nothing_left()
