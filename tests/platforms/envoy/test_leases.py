"""The book of leases and the protocol with Envoy, without Envoy; and how a refusal is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platforms.envoy.conftest import Room
from tests.support.load import burst
from tests.support.upstream import Upstream

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.envoy import proto
from chimera.platforms.envoy.leases import LeaseBook, LeaseState
from chimera.platforms.envoy.routes import split_values
from chimera.platforms.envoy.rtds import RtdsServer
from chimera.platforms.envoy.subscription import Subscription

TTL = timedelta(seconds=3)
VALUES = {"k": 1}


def request(version: str = "", nonce: str = "", error: str = "") -> Any:
    asked = proto.DiscoveryRequest(
        version_info=version, response_nonce=nonce, resource_names=["layer"]
    )
    if error:
        asked.error_detail.message = error
    return asked


def layer(response: Any) -> tuple[dict[str, float], float]:
    """Return a response's values and its time to live in seconds."""
    resource = proto.Resource.FromString(response.resources[0].value)
    runtime = proto.Runtime.FromString(resource.resource.value)
    values = {key: value.number_value for key, value in runtime.layer.fields.items()}
    return values, resource.ttl.ToTimedelta().total_seconds()


ACTIONS = st.one_of(
    st.tuples(st.just("grant"), st.integers(1, 3), st.integers(1, 5)),
    st.tuples(st.just("renew"), st.integers(1, 3), st.integers(1, 5)),
    st.tuples(st.just("clear"), st.just(0), st.just(0)),
    st.tuples(st.just("pass"), st.integers(1, 4), st.just(0)),
)


@given(st.lists(ACTIONS, max_size=30))
def test_values_are_in_effect_only_while_somebody_renews_them(
    actions: list[tuple[str, int, int]],
) -> None:
    book, now = LeaseBook("e"), 0.0
    value, ends = 0, 0.0  # what must be in effect: nothing, or a value until a time
    for action, number, length in actions:
        if action == "grant":
            book.grant("layer", {"k": number}, now + length)
            value, ends = number, now + length
        elif action == "renew":
            renewed = book.renew("layer", {"k": number}, now + length)
            assert renewed == (value == number)
            ends = now + length if renewed else ends
        elif action == "clear":
            book.clear("layer")
            value = 0
        else:
            now += number
            book.lapse(now)
            value = value if ends > now else 0
        lease = book.get("layer")
        assert (dict(lease.values) if lease else {}) == ({"k": value} if value else {})
        assert lease is None or (lease.state is LeaseState.HELD) == bool(value)


def test_every_beat_resends_the_whole_layer_with_its_time_to_live() -> None:
    book = LeaseBook("e")
    stream = Subscription(book, TTL)
    stream.heard(request("old"))
    assert stream.due(0.0) == []
    lease = book.grant("layer", VALUES, 100.0)
    [first] = stream.due(0.0)
    assert layer(first) == (VALUES, 3.0)
    assert not stream.accepted("layer", lease)
    stream.heard(request(first.version_info, first.nonce))
    assert stream.accepted("layer", lease)
    assert stream.next_beat() == 1.0
    assert stream.due(0.9) == []
    [beat] = stream.due(1.0)
    assert layer(beat) == (VALUES, 3.0)
    assert (beat.version_info, beat.nonce) != (first.version_info, first.nonce)


def test_an_empty_layer_is_sent_once_and_for_good() -> None:
    book = LeaseBook("e")
    stream = Subscription(book, TTL)
    stream.heard(request("old"))
    book.grant("layer", VALUES, 1.0)
    stream.due(0.0)
    book.lapse(1.0)
    [empty] = stream.due(1.0)
    assert layer(empty) == ({}, 0.0)
    assert stream.due(1000.0) == []
    assert stream.next_beat() == float("inf")


def test_an_envoy_with_values_is_left_alone_and_a_new_one_is_answered() -> None:
    book = LeaseBook("e")
    leased, blank = Subscription(book, TTL), Subscription(book, TTL)
    leased.heard(request("old"))
    blank.heard(request())
    assert leased.due(0.0) == []
    [empty] = blank.due(0.0)
    assert layer(empty) == ({}, 0.0)
    assert blank.due(1.0) == []


async def test_what_envoy_refuses_is_told_to_the_one_who_waits(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller) as leases,
    ):
        front = await room.start(room.describe(v1, v2))

        def broken(name: str, values: Mapping[str, int], **rest: Any) -> Any:
            response = good(name, values, **rest)
            resource = proto.Resource.FromString(response.resources[0].value)
            runtime = proto.Runtime.FromString(resource.resource.value)
            runtime.layer.fields["list"].list_value.values.add(number_value=1)
            resource.resource.value = runtime.SerializeToString()
            response.resources[0].value = resource.SerializeToString()
            return response

        good = proto.runtime_response
        monkeypatch.setattr(proto, "runtime_response", broken)
        with pytest.raises(ProviderRefused, match="list"):
            await leases.set(front.layer, split_values(front, 10_000))
        monkeypatch.undo()
        assert (await burst(front.port, 50)).revisions == {"v1": 50}
        await leases.clear(front.layer)
        await leases.set(front.layer, split_values(front, 10_000))
        assert (await burst(front.port, 50)).revisions == {"v2": 50}


async def test_nobody_connected_is_unavailable(room: Room) -> None:
    async with RtdsServer(room.layout.controller) as leases:
        with pytest.raises(ProviderUnavailable, match=r"has not connected in 0\.05 s"):
            await leases.set("layer", VALUES, within=timedelta(seconds=0.05))
        assert not leases.renew("layer", {"k": 2})
        assert leases.renew("layer", VALUES)
