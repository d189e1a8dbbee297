"""AWS over the API of another Chimera: what it answers is what that one sees, in a range."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from tests.support.aws import configured, mesh_stack
from tests.support.served import Served

from chimera.app.cloud import MESH, Cloud, Identity
from chimera.app.login import Login
from chimera.core.errors import NotAllowed, ProviderRefused, SpecError
from chimera.remote.client import ApiClient
from chimera.remote.cloud import RemoteCloud
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import Stack

pytestmark = pytest.mark.xdist_group("aws-cloud")
ME = Identity()
EVERYWHERE = ("eu-west-1", "us-east-1")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box, configured(box):
        yield box


@pytest.fixture(scope="module")
def meshed(box: Sandbox) -> Stack:
    return mesh_stack(box, tasks=1)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud() as here:
        yield here


@pytest.fixture
def there(client: ApiClient) -> RemoteCloud:
    return RemoteCloud(client)


async def test_what_is_found_is_what_it_finds(
    meshed: Stack, cloud: Cloud, there: RemoteCloud
) -> None:
    found = await there.discover(ME, MESH, regions=EVERYWHERE, cluster=meshed.cluster)
    assert found == list(await cloud.discover(ME, MESH, regions=EVERYWHERE, cluster=meshed.cluster))
    assert any(one.name == meshed.service for one in found)
    elsewhere = await there.discover(ME, MESH, regions=("us-east-1",))
    assert not any(one.name == meshed.service for one in elsewhere)


async def test_the_facts_of_a_service_are_those_it_knows(
    meshed: Stack, cloud: Cloud, there: RemoteCloud
) -> None:
    found = await there.discover(ME, MESH)
    (chosen,) = [one for one in found if (one.kind, one.name) == ("service", meshed.service)]
    facts = await there.facts(ME, MESH, chosen.settings, name="shop")
    here = await cloud.facts(ME, MESH, chosen.settings, name="shop")
    assert replace(facts, checks=()) == replace(here, checks=())
    assert [check.name for check in facts.checks] == [check.name for check in here.checks]
    with pytest.raises(SpecError, match="target"):
        await there.facts(ME, MESH, {"cluster": "practice"})


async def test_a_cluster_is_prepared_and_left_as_it_was(
    meshed: Stack, cloud: Cloud, there: RemoteCloud
) -> None:
    setup = await there.setup(ME, meshed.cluster, namespace="shop/metrics")
    here = await cloud.setup(ME, meshed.cluster, namespace="shop/metrics")
    planned = await setup.plan()
    assert planned == list(await here.plan())
    assert await setup.apply() == planned
    assert await setup.plan() == []
    assert len(await setup.removal()) == len(await setup.remove()) == len(planned)
    assert await setup.plan() == planned


async def test_a_refusal_over_there_is_one_here(
    meshed: Stack, there: RemoteCloud, one: Served
) -> None:
    with pytest.raises(ProviderRefused, match="there is no cluster 'nowhere'"):
        await (await there.setup(ME, "nowhere")).plan()
    client = ApiClient(Login(one.url, one.tokens["otto"]))
    with pytest.raises(NotAllowed, match="not admin"):
        await (await RemoteCloud(client).setup(ME, meshed.cluster)).plan()
    await client.close()
