"""Names that Envoy takes, routes read back from a file, and the record of a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.core.model import Revision, Service, Traffic
from chimera.platforms.envoy import config
from chimera.platforms.envoy.model import NAME
from chimera.platforms.local.fronts import shape, socket_folder
from chimera.platforms.local.record import Record, Records, slug
from chimera.platforms.local.routes import percent, read_shares

REVISIONS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,254}", fullmatch=True)
TARGET = {"port": 8080, "command": "run {port}"}


@given(REVISIONS)
def test_every_revision_has_a_name_that_envoy_takes(name: str) -> None:
    assert NAME.fullmatch(slug(name))


@given(st.lists(REVISIONS, unique=True, max_size=30))
def test_two_revisions_never_share_a_name(names: list[str]) -> None:
    names += [slug(name) for name in names]  # a revision may be named like another one's slug
    distinct = set(names)
    assert len({slug(name) for name in distinct}) == len(distinct)


@pytest.mark.parametrize("name", ["v1", "1-5-0", "Blue_2"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert slug(name) == name


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 100))
def test_our_own_routes_read_back(
    sticky: bool, override: bool, has_canary: bool, weight: int
) -> None:
    web = Service("web", "local", TARGET, Traffic(sticky=sticky, override=override))
    record = Record(web, "v1").routing("v1", "v2.0" if has_canary else "")
    front = shape(record)
    shares = read_shares(config.routes_file(front).text)
    assert shares is not None
    assert shares.version == config.routes_file(front).version
    runtime = {
        f"{front.layer}.{slug('v2.0')}": str(weight * 100),
        f"{front.layer}.v1": str(10_000 - weight * 100),
    }
    weights = shares.with_runtime(runtime)
    assert percent(weights.get(slug("v2.0"), 0), weights) == (weight if has_canary else 0)
    idle = shares.with_runtime({})
    assert percent(idle["v1"], idle) == 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resources", "virtual_hosts", "routes", "route", "weighted_clusters"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(JSON | st.text())
def test_any_foreign_file_reads_as_nothing_or_shares(content: object) -> None:
    read_shares(content if isinstance(content, str) else json.dumps(content))


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    records = Records(tmp_path)
    v2 = Revision("v2:a", "img", {"command": ["x", "{port}"], "env": {}})
    record = Record(Service("web", "local", TARGET), "v1").with_revision(v2, 3)
    record = record.routing("v1", "v2:a").completed()
    records.save(record)
    assert records.load("web") == record
    assert records.names() == ("web",)
    assert records.load("api") is None
    assert record.without("v2:a").routed == ("v1",)


def test_what_an_unfinished_write_left_is_ours() -> None:
    before = Record(Service("web", "local", TARGET), "v1").routing("v1", "v2")
    after = before.routing("v2")
    assert [(one.stable, one.canary) for one in after.perhaps()] == [("v2", ""), ("v1", "v2")]
    assert [one.stable for one in after.without("v1").perhaps()] == ["v2"]


def test_sockets_leave_a_folder_whose_path_is_too_long(tmp_path: Path) -> None:
    assert socket_folder(Path("/srv/x")) == Path("/srv/x/sockets")
    long, other = tmp_path / ("x" * 100), tmp_path / ("y" * 100)
    assert len(str(socket_folder(long))) < 80
    assert socket_folder(long) != socket_folder(other)
