"""Both ends of a rollout on AWS, by the real commands, under real traffic, resource by resource."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from tests.support.aws_traffic import Met
from tests.support.cloud_house import ALB, MESH, CloudHouse, shape, traffic, within_bounds
from tests.support.eventually import eventually

from chimera.app.lock import find_controller
from chimera.app.reports import Line
from chimera.cli.exits import ExitCode
from chimera.core.state import Phase
from chimera.sandbox.thing import Thing

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize(
        "house",
        [
            pytest.param(MESH, marks=pytest.mark.xdist_group("aws-mesh")),
            pytest.param(ALB, marks=pytest.mark.xdist_group("aws-alb")),
        ],
        indirect=True,
    ),
]


async def test_a_faulty_version_is_gone_and_a_good_one_takes_over(house: CloudHouse) -> None:
    await house.init()
    before, route = house.listed(), house.route()
    async with traffic(house) as met:
        await house.release("3", "--wait", code=ExitCode.ROLLED_BACK)
        faulty = await house.view(house.service)
        assert faulty.state.phase is Phase.ROLLED_BACK
        assert house.route() == route
        await stands(house, before)
        assert await house.leaks() == []
        await the_metric_counts_what_clients_met(house, met, faulty.rollout.id)
        failed = met.errors
        assert 0 < failed < 0.2 * met.sent

        await house.release("2", "--wait")
        good = await house.reach(Phase.SUCCEEDED, ref=house.service)
        assert (met.errors, met.lost) == (failed, 0)  # of the healthy rollout: none
    for line in await house.lines(good.rollout.id):
        assert "internal error" not in line.sentence
    splits_fit(met, await house.lines(good.rollout.id))
    assert await house.leaks(good.rollout.id) == []
    await version_two_stands_where_version_one_stood(house, before)


async def test_a_killed_controller_changes_nothing_about_the_end(house: CloudHouse) -> None:
    await house.init()
    before = house.listed()
    async with traffic(house) as met:
        await house.release("2", "--detach")
        await house.bakes(50, house.service)
        found = find_controller(house.home)
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)
        await eventually(lambda: find_controller(house.home) is None)
        async with house.up():
            good = await house.reach(Phase.SUCCEEDED, ref=house.service)
        assert (met.errors, met.lost) == (0, 0)
    assert await house.leaks(good.rollout.id) == []
    await version_two_stands_where_version_one_stood(house, before)


def splits_fit(met: Met, lines: Sequence[Line]) -> None:
    """Each weight that was confirmed is what clients met until the next thing happened."""
    checked = []
    for line, following in pairwise(lines):
        if "of the traffic, read back" in line.sentence:
            begin, end = line.at.timestamp(), following.at.timestamp()
            seen = [version for at, version, _ in met.seen if begin < at < end]
            hits = seen.count("2")
            assert len(seen) > 100
            assert within_bounds(hits, len(seen), line.weight), (hits, len(seen), line.weight)
            checked.append(line.weight)
    assert checked == [20, 50, 100]


async def the_metric_counts_what_clients_met(house: CloudHouse, met: Met, rollout: str) -> None:
    """The canary's errors in CloudWatch are those of its clients, but for a scrape at each end."""
    view, period_s = await house.view(rollout), house.box.options.period_s
    errors = [at for at, version, status in met.seen if version == "3" and status >= 500]
    least = most = counted = 0
    for _ in range(40):
        points = await asyncio.to_thread(house.points, view.state.removed)
        times = [at for each in points.values() for at, _ in each]
        # A load balancer names a period by its begin, a scrape tells of the time before it.
        begin = min(times) - (0 if house.platform == ALB else period_s)
        end = begin + max(times) - min(times) + period_s
        least = sum(begin + period_s <= at <= end - period_s for at in errors)
        most = sum(begin <= at <= end + period_s for at in errors)
        counted = round(sum(value for _, value in points.get("5", ())))
        if least <= counted <= most and most:
            break
        await asyncio.sleep(0.5)
    assert counted, len(errors)
    assert least <= counted <= most, (least, counted, most, len(errors))
    assert view.state.exposure.errors <= len(errors)


async def stands(house: CloudHouse, wanted: Mapping[tuple[str, str], Thing]) -> None:
    """Wait until the account's list is this one; what drains may take a while."""
    for _ in range(30):
        now = house.listed()
        if now == wanted:
            return
        await asyncio.sleep(0.5)
    strange = [key for key in {*now, *wanted} if now.get(key) != wanted.get(key)]
    assert not strange, [(now.get(key), wanted.get(key)) for key in strange]


async def version_two_stands_where_version_one_stood(
    house: CloudHouse, before: Mapping[tuple[str, str], Thing]
) -> None:
    """The account's list is the former one with the new version's names in the old one's place."""

    def services(listed: Mapping[tuple[str, str], Thing]) -> list[str]:
        return [thing.name for key, thing in listed.items() if key[0] == "ecs service"]

    # The old one is listed until its last task has stopped.
    await eventually(lambda: len(services(house.listed())) == 1, within_s=30, every_s=0.5)
    now, name = house.listed(), house.service
    (new,) = services(now)
    names = {name, f"{name}-stable", f"{name}-blue", new}
    assert new != name
    assert shape(now, names) == shape(before, names)
