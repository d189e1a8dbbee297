"""People who ask for the canary get it, people stay on their side; both end with the lease."""

from __future__ import annotations

from datetime import timedelta

from tests.platforms.envoy.conftest import Room
from tests.support.eventually import eventually
from tests.support.http import Client
from tests.support.load import burst
from tests.support.upstream import Upstream

from chimera.platforms.envoy.model import TrafficOptions
from chimera.platforms.envoy.routes import split_values
from chimera.platforms.envoy.rtds import RtdsServer

LEASE = timedelta(seconds=60)
PIN = {"x-chimera": "canary"}


async def test_the_header_reaches_the_canary_only_while_it_is_leased(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller) as leases,
    ):
        front = await room.start(room.describe(v1, v2))
        assert (await burst(front.port, 50, headers=PIN)).revisions == {"v1": 50}
        await leases.set(front.layer, split_values(front, 0), LEASE)
        assert (await burst(front.port, 50, headers=PIN)).revisions == {"v2": 50}
        assert (await burst(front.port, 50)).revisions == {"v1": 50}
        other = {"x-chimera": "stable"}
        assert (await burst(front.port, 50, headers=other)).revisions == {"v1": 50}
        await leases.set(front.layer, split_values(front, 0), timedelta(seconds=0.2))
        await eventually(lambda: _reverted(room))
        assert (await burst(front.port, 50, headers=PIN)).revisions == {"v1": 50}


async def _reverted(room: Room) -> bool:
    return await room.envoy.admin.runtime() == {}


async def _sides(port: int, cookies: list[str]) -> list[str]:
    """Ask once with each cookie, a second one beside it as browsers send them."""
    client, sides = Client(port), []
    for cookie in cookies:
        response = await client.get(headers={"cookie": f"theme=dark; {cookie}"})
        assert "set-cookie" not in response.headers
        sides.append(response.headers["x-chimera-revision"])
    await client.close()
    return sides


async def test_users_stay_on_their_side_and_only_ever_move_to_the_canary(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller) as leases,
    ):
        front = await room.start(room.describe(v1, v2, options=TrafficOptions(sticky=True)))
        client, cookies, first = Client(front.port), [], []
        assert "set-cookie" not in (await client.get()).headers

        await leases.set(front.layer, split_values(front, 2000), LEASE)
        for _ in range(500):
            response = await client.get()
            cookie, _, attributes = response.headers["set-cookie"].partition(";")
            assert attributes == " Path=/; HttpOnly; SameSite=Lax"
            cookies.append(cookie)
            first.append(response.headers["x-chimera-revision"])
        await client.close()
        assert 55 <= first.count("v2") <= 148  # 20 % of 500, with more than 99.9 % certainty

        sides = first
        for percent in (20, 50, 100):
            await leases.set(front.layer, split_values(front, percent * 100), LEASE)
            now = await _sides(front.port, cookies)
            assert now == await _sides(front.port, cookies)
            moved_back = [a for a, b in zip(sides, now, strict=True) if a == "v2" and b == "v1"]
            assert moved_back == []
            assert percent > 20 or now == first
            sides = now
        assert set(sides) == {"v2"}

        await leases.clear(front.layer)
        assert set(await _sides(front.port, cookies)) == {"v1"}


async def test_revisions_are_not_shown_when_turned_off(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = await room.start(room.describe(v1, options=TrafficOptions(revision_header="")))
        async with Client(front.port) as client:
            assert "x-chimera-revision" not in (await client.get()).headers


async def test_callers_cannot_steer_envoy(room: Room) -> None:
    async with Upstream("v1", latency_s=0.1) as v1:
        front = await room.start(room.describe(v1))
        headers = {"x-envoy-upstream-rq-timeout-ms": "10", "x-envoy-retry-on": "5xx"}
        assert (await burst(front.port, 5, headers=headers)).statuses == {200: 5}
