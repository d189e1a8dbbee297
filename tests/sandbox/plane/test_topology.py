"""What the gateways should do, as values."""

from __future__ import annotations

from chimera.sandbox.plane.topology import Pool, Topology, united

OLD, NEW = ("127.1.0.1", 8080), ("127.1.0.2", 8080)


def test_a_pool_keeps_its_targets_until_the_routes_have_left_it() -> None:
    before = Topology(pools=(Pool("stable", (OLD,)), Pool("gone", (OLD,))))
    after = Topology(pools=(Pool("stable", ()), Pool("canary", (NEW, OLD))))
    assert united(before, after) == (Pool("stable", (OLD,)), Pool("canary", (NEW, OLD)))


def test_no_target_is_twice_in_a_pool() -> None:
    before = Topology(pools=(Pool("stable", (OLD, NEW)),))
    after = Topology(pools=(Pool("stable", (NEW,)),))
    assert united(before, after) == (Pool("stable", (NEW, OLD)),)
