"""A ledger and an engine that do not agree: nothing is started twice, and no service is stuck."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.history import NOW, entry, rollout

from chimera.app.operations import Chimera
from chimera.app.reviving import resume
from chimera.app.settings import Settings
from chimera.core.access import Role
from chimera.core.errors import EngineError
from chimera.core.model import Service
from chimera.core.state import Phase
from chimera.engine.client import EngineClient
from chimera.engine.server import EmbeddedServer
from chimera.engine.settings import EngineSettings
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store


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
    assert await resume(store, client) == ("resumed: new-1",)
    assert await client.runs("new-1")
    assert await resume(store, client) == ("resumed: new-1",)


async def test_one_with_a_history_that_the_engine_lost_lets_go_of_its_service(
    client: EngineClient, store: Store
) -> None:
    await store.open_rollout(rollout("old-1"), NOW)
    await store.append("old-1", (entry(1), entry(2, Phase.PROGRESSING)))
    [said] = await resume(store, client)
    assert said.startswith("lost: old-1")
    assert not await client.runs("old-1")  # a second life would contradict the first
    await store.open_rollout(rollout("new-1"), NOW + timedelta(hours=1))


async def test_in_a_cluster_nothing_is_given_up(client: EngineClient, store: Store) -> None:
    await store.open_rollout(rollout("old-1"), NOW)
    await store.append("old-1", (entry(1),))
    client.settings = client.settings.model_copy(update={"address": client.address})
    await resume(store, client)
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
        await resume(store, await EngineClient.connect(wrong, client.address))
    assert (await store.get("old-1")).live
