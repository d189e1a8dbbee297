"""What stands in an App Mesh rollout's way is refused before anything is made; edits are seen."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.aws import mesh_stack, shared_box
from tests.support.mesh_story import SOON, Story

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence, Split
from chimera.platforms.aws import letting
from chimera.platforms.aws.appmesh import FOREIGN
from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.sandbox import Sandbox
from chimera.sandbox.seed import Stack

_STACK: list[Stack] = []


@pytest.fixture
async def told(box: Sandbox) -> Story:
    """A stack that every test here finds, and leaves, with one version that serves."""
    if not _STACK or _STACK[0].account != shared_box().account:
        _STACK[:] = [await asyncio.to_thread(mesh_stack, box, tasks=1)]
    return Story(box, _STACK[0])


async def test_a_route_that_somebody_else_changes_is_seen(told: Story) -> None:
    mesh = told.box.session().client("appmesh")
    names = {
        "meshName": told.stack.mesh,
        "virtualRouterName": told.stack.virtual_router,
        "routeName": told.stack.route,
    }
    before = mesh.describe_route(**names)["route"]["spec"]
    await told.until(20)
    router, ours = told.platform.router, Split("v1", "v2", 20)
    assert await router.read(told.service) == ours
    edited = mesh.describe_route(**names)["route"]["spec"]
    targets = edited["httpRoute"]["action"]["weightedTargets"]
    targets[0]["weight"], targets[1]["weight"] = 50, 50
    mesh.update_route(**names, spec=edited)
    seen = await router.renew(told.service, ours, Fence("r1", 3), SOON)
    assert seen == Split("v1", "v2", 50)
    edited["httpRoute"]["match"]["prefix"] = "/shop"
    mesh.update_route(**names, spec=edited)
    assert (await router.read(told.service)).stable == f"v1 {FOREIGN}"
    await told.roll_back()
    after = mesh.describe_route(**names)["route"]["spec"]
    assert after["httpRoute"]["action"] == before["httpRoute"]["action"]
    assert after["httpRoute"]["match"]["prefix"] == "/shop"  # theirs to change
    mesh.update_route(**names, spec=before)
    await told.platform.close()


async def test_a_node_in_the_place_of_stables_is_seen_and_never_removed(told: Story) -> None:
    mesh, stack = told.box.session().client("appmesh"), told.stack
    names = {
        "meshName": stack.mesh,
        "virtualRouterName": stack.virtual_router,
        "routeName": stack.route,
    }
    before = mesh.describe_route(**names)["route"]["spec"]
    node = {"meshName": stack.mesh, "virtualNodeName": stack.virtual_node}
    spec = mesh.describe_virtual_node(**node)["virtualNode"]["spec"]
    other = f"{stack.virtual_node}-theirs"
    mesh.create_virtual_node(meshName=stack.mesh, virtualNodeName=other, spec=spec)
    await told.until(100)
    edited = mesh.describe_route(**names)["route"]["spec"]
    edited["httpRoute"]["action"]["weightedTargets"][0]["virtualNode"] = other
    mesh.update_route(**names, spec=edited)
    assert (await told.platform.router.read(told.service)).stable == f"v1 {FOREIGN}"
    with pytest.raises(ProviderRefused, match="changed outside Chimera"):
        await told.commit()
    await told.roll_back()
    assert mesh.describe_route(**names)["route"]["spec"] == before
    assert await told.inventory.find() == ()
    mesh.delete_virtual_node(meshName=stack.mesh, virtualNodeName=other)
    await told.platform.close()


async def test_a_node_that_others_use_is_refused_and_if_it_happens_later_left(
    told: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh, stack = told.box.session().client("appmesh"), told.stack
    where = {"meshName": stack.mesh, "virtualRouterName": stack.virtual_router}
    spec = mesh.describe_route(**where, routeName=stack.route)["route"]["spec"]
    service = {"meshName": stack.mesh, "virtualServiceName": f"{stack.service}.direct"}
    provider = {"virtualNode": {"virtualNodeName": stack.virtual_node}}
    mesh.create_virtual_service(**service, spec={"provider": provider})
    mesh.create_route(**where, routeName="other", spec={**spec, "priority": 3})
    with pytest.raises(ProviderRefused) as refused:
        await told.platform.orchestrator.plan(told.service, told.v2)
    for words in (f"virtual service {stack.service}.direct", "route other of virtual router"):
        assert words in str(refused.value)
    mesh.delete_virtual_service(**service)
    mesh.delete_route(**where, routeName="other")
    await told.until(20)
    (node,) = await told.inventory.find(kind="appmesh-virtual-node", revision="v2")
    provider["virtualNode"]["virtualNodeName"] = str(node.detail["backend"])
    mesh.create_virtual_service(**service, spec={"provider": provider})
    await told.restore()
    monkeypatch.setattr(letting, "WITHIN_S", 0.1)
    removed, left = await told.platform.orchestrator.remove(told.service, told.v2, Fence("r1", 5))
    assert {one.kind for one in left} >= {"appmesh-virtual-node", "ecs-service"}
    assert all("in use" in str(one.detail["why"]) for one in left)
    assert "ecs-service" not in {one.kind for one in removed}
    mesh.delete_virtual_service(**service)
    await told.remove(told.v2)
    assert await told.inventory.find() == ()
    await told.platform.close()


async def test_a_new_controller_without_memory_restores_as_well(told: Story) -> None:
    before = told.snapshot()
    await told.until(30)
    for memory in await told.inventory.find(kind="appmesh-route"):
        await told.inventory.forget(memory.kind, memory.id)
    await told.platform.close()
    told.platform = EcsAppMeshPlatform(told.inventory, "")
    await told.roll_back()
    assert told.snapshot() == before
    await told.platform.close()
