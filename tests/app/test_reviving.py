"""A ledger and an engine that do not agree: nothing is started twice, and no service is stuck."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.history import NOW, entry, rollout

from chimera.app.engines import Engines
from chimera.app.operations import Chimera
from chimera.app.reviving import resume
from chimera.app.settings import Settings
from chimera.core.access import Role
from chimera.core.errors import ChimeraError, EngineError, RolloutConflict
from chimera.core.model import Service
from chimera.core.state import Phase
from chimera.engine.client import EngineClient
from chimera.engine.server import EmbeddedServer
from chimera.engine.settings import EngineSettings
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store

ALONE = Engines(Settings(Path("nowhere")))  # with a ledger of its own


def sharing(home: Path, *, of: str = "", **settings: Any) -> Engines:
    """Whose rollouts a data folder drives that shares its ledger. of: what its file says."""
    home.mkdir(exist_ok=True)
    if of:
        (home / "identity").write_text(of)
    return Engines(Settings(home, "postgresql://shared", engine=EngineSettings(**settings)))


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[EngineClient]:
    """A client of a server that knows nothing and has no worker."""
    settings = EngineSettings(folder=tmp_path / "engine", answer_timeout_s=0.2)
    async with EmbeddedServer(settings) as server:
        yield await EngineClient.connect(settings, server.address)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


@pytest.fixture
def chimera(tmp_path: Path, client: EngineClient, store: Store) -> Chimera:
    """The operations, with that server as their engine."""

    async def engine() -> EngineClient:
        return client

    catalog = Catalog(store.inventory, str(tmp_path))
    return Chimera(Settings(tmp_path), store, catalog, connect=engine)


async def test_one_that_never_began_is_started(client: EngineClient, store: Store) -> None:
    await store.open_rollout(rollout("new-1"), NOW)
    assert await resume(store, client, ALONE) == ("resumed: new-1",)
    assert await client.runs("new-1")
    assert await resume(store, client, ALONE) == ("resumed: new-1",)


async def test_one_with_a_history_that_the_engine_lost_lets_go_of_its_service(
    client: EngineClient, store: Store
) -> None:
    await store.open_rollout(rollout("old-1"), NOW)
    await store.append("old-1", (entry(1), entry(2, Phase.PROGRESSING)))
    [said] = await resume(store, client, ALONE)
    assert said.startswith("lost: old-1")
    assert not await client.runs("old-1")  # a second life would contradict the first
    await store.open_rollout(rollout("new-1"), NOW + timedelta(hours=1))


async def test_in_a_cluster_nothing_is_given_up(client: EngineClient, store: Store) -> None:
    await store.open_rollout(rollout("old-1"), NOW)
    await store.append("old-1", (entry(1),))
    client.settings = client.settings.model_copy(update={"address": client.address})
    await resume(store, client, ALONE)
    assert (await store.get("old-1")).live


async def test_a_request_starts_what_never_began(chimera: Chimera, store: Store) -> None:
    await store.open_rollout(rollout("new-1"), NOW)
    answer = await chimera.request("new-1", "abort", by="ada", role=Role.ADMIN)
    assert answer.accepted
    assert "recorded" in answer.text


async def test_an_abort_frees_the_service_of_a_rollout_that_was_terminated(
    chimera: Chimera, client: EngineClient, store: Store
) -> None:
    await store.open_rollout(rollout("old-1"), NOW)
    await client.start(rollout("old-1"))
    await store.append("old-1", (entry(1),))
    await client.temporal.get_workflow_handle("old-1").terminate()
    answer = await chimera.request("old-1", "abort", by="ada", role=Role.ADMIN)
    assert answer.accepted
    assert "logo is free again" in answer.text
    assert await store.live("logo") is None
    assert "the engine has lost it" in (await chimera.status("old-1")).unattended
    assert [view async for view, _, _ in chimera.follow("old-1")]  # and it ends


async def test_a_wrong_namespace_is_no_loss(client: EngineClient, store: Store) -> None:
    its = replace(rollout("old-1"), service=Service("logo", "memory"))
    await store.open_rollout(its, NOW)
    await store.append("old-1", (entry(1),))
    wrong = client.settings.model_copy(update={"namespace": "another"})
    with pytest.raises(EngineError, match="namespace"):
        await resume(store, await EngineClient.connect(wrong, client.address), ALONE)
    assert (await store.get("old-1")).live


async def test_what_another_engine_drives_is_neither_begun_nor_given_up(
    tmp_path: Path, client: EngineClient, store: Store
) -> None:
    await store.open_rollout(rollout("new-1", service="a"), NOW, "other/1")
    await store.open_rollout(rollout("old-1", service="b"), NOW, "other/1")
    await store.append("old-1", (entry(1), entry(2, Phase.PROGRESSING)))
    mine = sharing(tmp_path / "mine")
    await store.open_rollout(rollout("mine-1", service="c"), NOW, mine.name)
    await store.open_rollout(rollout("before-1", service="d"), NOW)  # by an older Chimera
    assert set(await resume(store, client, mine)) == {"resumed: mine-1", "resumed: before-1"}
    assert not await client.runs("new-1")
    assert (await store.get("old-1")).live
    assert (await store.verify()).ok


async def test_an_engine_that_is_gone_for_good_can_be_followed_by_another(
    tmp_path: Path, client: EngineClient, store: Store
) -> None:
    await store.open_rollout(rollout("old-1"), NOW, "other/1")
    await store.append("old-1", (entry(1),))
    heir = sharing(tmp_path / "heir", of="heir/2\nother/1\n")
    assert heir.name == "heir/2"
    [said] = await resume(store, client, heir)
    assert said.startswith("lost: old-1")


def test_a_data_folder_keeps_its_name(tmp_path: Path) -> None:
    first = sharing(tmp_path / "a")
    assert first.known == frozenset()  # who only looks names nothing
    name = first.name
    assert sharing(tmp_path / "a").name == name
    assert sharing(tmp_path / "a").drive(name)
    assert sharing(tmp_path / "b").name != name
    assert not sharing(tmp_path / "b").drive(name)
    assert (tmp_path / "a" / "identity").stat().st_mode & 0o777 == 0o600


def test_workers_of_one_queue_are_one_engine(tmp_path: Path) -> None:
    cluster = {"address": "temporal:7233", "task_queue": "east"}
    one, other = (sharing(tmp_path / each, **cluster) for each in ("one", "other"))
    west = sharing(tmp_path / "west", address="temporal:7233", task_queue="west")
    assert one.name == other.name == "temporal/chimera/east"
    assert other.drive(one.name)
    assert not west.drive(one.name)


def test_a_name_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "a" / "identity").mkdir(parents=True)
    with pytest.raises(ChimeraError, match=r"name cannot be kept in .*identity: Is a directory"):
        _ = sharing(tmp_path / "a").name


async def test_acting_on_what_another_controller_drives_is_refused_and_said_where(
    tmp_path: Path, client: EngineClient, store: Store
) -> None:
    async def engine() -> EngineClient:
        return client

    settings = Settings(tmp_path, "postgresql://shared")
    chimera = Chimera(settings, store, Catalog(store.inventory, str(tmp_path)), connect=engine)
    await store.open_rollout(rollout("old-1"), NOW, "other/1")
    await store.append("old-1", (entry(1, Phase.PROGRESSING),))
    where = "old-1 is driven by another controller, other/1"
    answer = await chimera.request("old-1", "abort", by="ada", role=Role.ADMIN)
    assert (answer.accepted, where in answer.text) == (False, True)
    view = await chimera.status("logo")
    assert where in view.elsewhere
    assert view.unattended == ""
    assert not await chimera.drives()
    with pytest.raises(RolloutConflict, match="belongs to another controller, other/1"):
        await chimera.down("logo")
    assert (await store.get("old-1")).live
