"""What is rendered holds the promises, whatever the front looks like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.platforms.envoy import config
from chimera.platforms.envoy.files import write_atomic
from chimera.platforms.envoy.model import (
    TOTAL_WEIGHT,
    Cluster,
    Endpoint,
    Front,
    HealthCheck,
    TrafficOptions,
)
from chimera.platforms.envoy.routes import route_configuration, split_values

LAYOUT = config.Layout(Path("/run/x"), Path("/run/x/admin"), Path("/run/lease"))
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)


@st.composite
def fronts(draw: st.DrawFn) -> Front:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    ports = st.integers(1, 65535)
    clusters = tuple(
        Cluster(
            name,
            tuple(Endpoint("127.0.0.1", port) for port in draw(st.lists(ports, max_size=3))),
            draw(st.sampled_from([None, HealthCheck("/h")])),
        )
        for name in names
    )
    canary = draw(st.sampled_from([None, *names[1:]]))
    options = TrafficOptions(
        sticky=draw(st.booleans()), override_header=draw(st.sampled_from(["", "x-chimera"]))
    )
    return Front(draw(NAMES), draw(ports), clusters, names[0], canary, options=options)


def weights(route: dict[str, Any]) -> dict[str, int]:
    if "cluster" in route["route"]:
        return {route["route"]["cluster"]: TOTAL_WEIGHT}
    clusters = route["route"]["weighted_clusters"]["clusters"]
    return {cluster["name"]: cluster["weight"] for cluster in clusters}


@given(fronts())
def test_the_files_alone_send_everything_to_stable(front: Front) -> None:
    routes = route_configuration(front)["virtual_hosts"][0]["routes"]
    ungated = [route for route in routes if "runtime_fraction" not in route["match"]]
    assert len(ungated) == 1
    assert routes[-1] == ungated[0]
    assert {name for name, weight in weights(routes[-1]).items() if weight} == {front.stable}
    for route in routes[:-1]:
        fraction = route["match"]["runtime_fraction"]
        assert fraction["default_value"]["numerator"] == 0
        assert fraction["runtime_key"] in split_values(front, 0)


@given(fronts(), st.integers(0, TOTAL_WEIGHT))
def test_a_split_has_a_constant_total_and_the_canary_last(front: Front, weight: int) -> None:
    if front.canary is None:
        with pytest.raises(ValueError, match="no canary"):
            split_values(front, weight)
        return
    split = route_configuration(front)["virtual_hosts"][0]["routes"][-1]["route"]
    prefix = split["weighted_clusters"]["runtime_key_prefix"]
    names = [cluster["name"] for cluster in split["weighted_clusters"]["clusters"]]
    values = split_values(front, weight)
    assert names == [front.stable, front.canary]
    assert [values[f"{prefix}.{name}"] for name in names] == [TOTAL_WEIGHT - weight, weight]
    assert all(type(value) is int for value in values.values())


@given(fronts())
def test_equal_fronts_have_equal_files(front: Front) -> None:
    assert config.routes_file(front) == config.routes_file(front)
    text = config.clusters_file(front, LAYOUT).text
    assert json.loads(text)["version_info"] == config.clusters_file(front, LAYOUT).version
    assert set(config.endpoint_files(front)) == {cluster.name for cluster in front.clusters}
    json.dumps(config.bootstrap(front, LAYOUT))


@pytest.mark.parametrize("weight", [-1, TOTAL_WEIGHT + 1])
def test_weights_out_of_range_are_refused(weight: int) -> None:
    clusters = (Cluster("v1", ()), Cluster("v2", ()))
    with pytest.raises(ValueError, match="from 0 to 10000"):
        split_values(Front("s", 80, clusters, "v1", "v2"), weight)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cluster("a.b", ()), "letters, digits"),
        (lambda: Endpoint("localhost", 80), "localhost"),
        (lambda: Endpoint("127.0.0.1", 0), "port 0"),
        (lambda: HealthCheck("health"), "must begin with '/'"),
        (lambda: Front("s", 80, (Cluster("v1", ()),), "v2"), "stable 'v2' is not among"),
        (lambda: Front("s", 80, (Cluster("v1", ()),), "v1", "v1"), "both 'v1'"),
        (lambda: Front("s", 80, (Cluster("v1", ()),) * 2, "v1"), "distinct"),
        (lambda: TrafficOptions(override_header="a b"), "not a name"),
        (lambda: config.Layout(Path("/x"), Path("/x" * 60), Path("/y")), "120 bytes"),
    ],
)
def test_impossible_descriptions_are_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "rds.json"
    write_atomic(path, "one")
    write_atomic(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomic(tmp_path / "folder", "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "rds.json"]
