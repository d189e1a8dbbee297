"""A version that fails one request in ten: found, taken back and explained with its numbers."""

from __future__ import annotations

import re
from collections import Counter

from tests.support.house import House
from tests.support.load import Load

from chimera.core.state import Phase

RATE = 200
WEIGHT = 5
DETECTION_S = 15.0
# By the clock of a machine that does other things as well; the goal itself is the benchmark's.
DETECTION_WHEN_BUSY_S = 60.0


def failures(load: Load) -> Counter[str]:
    """The client's own count of 5xx, by version; anything else that failed is named whole."""
    words = [one.split("'") for one in load.tally.failures]
    return Counter(f"{w[0].strip()} {w[1]}" if len(w) > 1 else w[0] for w in words)


async def test_it_is_rolled_back_and_every_failed_request_is_accounted_for(home: House) -> None:
    limit = {"metrics": [{"name": "errorRate", "max": "1%"}, {"name": "latencyP99", "max": "30s"}]}
    steps = [{"setWeight": WEIGHT, "bake": "5m"}]
    home.write_spec(faults="3=0.1", steps=steps, analysis=limit)
    before = home.routes()
    async with Load(home.port, rate=RATE) as load:
        done = await home.run("deploy", "--version", "3", "--wait", "-o", "json", code=3)
    view = await home.view()
    state = view.state
    assert state.phase is Phase.ROLLED_BACK
    assert done.data["state"]["phase"] == "rolled_back"
    met = failures(load)
    assert met == {"500 from 3": state.exposure.errors}
    assert state.exposure.errors > 0
    assert state.exposure.requests == load.tally.revisions["3"]
    # A busy machine sends fewer requests than it should, so their number is the measure of time.
    assert state.exposure.requests < DETECTION_S * RATE * WEIGHT / 100
    lines = await home.lines()
    exposed = next(line.at for line in lines if line.weight)
    decided = next(line.at for line in lines if line.phase is Phase.ROLLING_BACK)
    assert 0 < (decided - exposed).total_seconds() < DETECTION_WHEN_BUSY_S
    (sentence,) = [line.sentence for line in lines if line.kind == "restored"]
    assert f"{state.exposure.errors} failed request" in view.headline
    numbers = r"Rolled back: errors [\d.]+ % against 0 % on stable.*, \d+ of \d+ requests in \d+"
    assert re.match(numbers, view.headline), view.headline
    assert sentence in done.err
    assert "nothing left behind" in done.err
    assert "chimera replay" in done.err  # what to do next
    assert home.routes() == before
    assert home.replicas() == ["1"]
    found = await home.run("gc", "--dry-run", "-o", "json")
    assert found.data["found"] == []
