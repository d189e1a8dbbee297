"""Every kind of route that counts, nodes that find their tasks by DNS, and an added sidecar."""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from typing import Any

import pytest
from tests.platforms.aws.test_rollout import begin, end
from tests.support.aws import mesh_stack
from tests.support.aws_story import Json
from tests.support.aws_traffic import send
from tests.support.mesh_story import Story

from chimera.app.planning import make_plan
from chimera.core.errors import SpecError
from chimera.core.spec import load
from chimera.platforms.aws.options import EcsAppMeshTarget
from chimera.sandbox import Sandbox

KINDS: dict[str, tuple[str, Json]] = {
    "http2": ("http2Route", {"match": {"prefix": "/"}}),
    "grpc": ("grpcRoute", {"match": {}}),
}


async def met(told: Story, count: int = 200) -> Counter[str]:
    """Send requests and return how many each version answered; none may be lost."""
    url = await asyncio.to_thread(told.box.wait_for_url, told.stack.front)
    found = await send(url, count)
    assert (found.lost, found.errors) == (0, 0)
    return found.versions


async def until_served(told: Story, *versions: str) -> Counter[str]:
    """Return what was met once just these versions answer."""
    for _ in range(40):
        if (found := await met(told)).keys() == set(versions):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


def speaking(told: Story, protocol: str, kind: str, route: Json) -> None:
    """Let the stack's node, router and route speak another protocol."""
    mesh, stack = told.box.session().client("appmesh"), told.stack
    node = {"meshName": stack.mesh, "virtualNodeName": stack.virtual_node}
    spec = mesh.describe_virtual_node(**node)["virtualNode"]["spec"]
    spec["listeners"][0]["portMapping"]["protocol"] = protocol
    mesh.update_virtual_node(**node, spec=spec)
    router = {"meshName": stack.mesh, "virtualRouterName": stack.virtual_router}
    mesh.delete_route(**router, routeName=stack.route)
    mesh.update_virtual_router(**router, spec={"listeners": spec["listeners"][:1]})
    action = {"weightedTargets": [{"virtualNode": stack.virtual_node, "weight": 100}]}
    mesh.create_route(**router, routeName=stack.route, spec={kind: {**route, "action": action}})


@pytest.mark.parametrize("protocol", KINDS)
async def test_weights_of_every_kind_of_route_divide_real_traffic(
    box: Sandbox, protocol: str
) -> None:
    told = Story(box, await asyncio.to_thread(mesh_stack, box, tasks=1))
    kind, route = KINDS[protocol]
    speaking(told, protocol, kind, copy.deepcopy(route))
    before = told.snapshot()
    await judged_by_the_operators_metrics_alone(told, protocol)
    await told.until(50)
    found = await until_served(told, "v1", "v2")
    assert 50 <= found["v2"] <= 150
    await told.roll_back()
    assert told.snapshot() == before
    assert (await until_served(told, "v1")).total() == 200
    await told.platform.close()


async def judged_by_the_operators_metrics_alone(told: Story, protocol: str) -> None:
    """Where Envoy counts a failed call as HTTP 200, a plan needs a metric of the operator's own."""
    own = {
        "name": "failed calls",
        "provider": "prometheus",
        "query": "q",
        "total": "t",
        "max": "1%",
    }
    for analysis in ({}, {"metrics": [own]}):
        text = json.dumps(
            {
                "version": 1,
                "service": told.service.name,
                "target": {"platform": told.service.platform, **told.service.settings},
                "analysis": analysis,
            }
        )
        spec = load(text, targets={told.service.platform: EcsAppMeshTarget})
        planned = make_plan(told.platform, spec, version="v2", image="")
        if protocol == "grpc" and not analysis:
            with pytest.raises(SpecError, match="cannot be judged: its route is one of gRPC"):
                await planned
        else:
            assert (await planned).changes


def registries(told: Story) -> list[str]:
    """Return the names of Cloud Map's services for this stack."""
    found = told.box.session().client("servicediscovery").list_services(MaxResults=100)
    return told.mine(one["Name"] for one in found["Services"])


async def by_dns(box: Sandbox) -> Story:
    """Return a service that scales by itself and whose node finds its tasks by DNS."""
    told = Story(box, await asyncio.to_thread(mesh_stack, box, tasks=1))
    told.scale_automatically()
    mesh = told.box.session().client("appmesh")
    node = {"meshName": told.stack.mesh, "virtualNodeName": told.stack.virtual_node}
    spec = mesh.describe_virtual_node(**node)["virtualNode"]["spec"]
    host = f"{told.stack.cloud_map_service}.{told.stack.namespace}"
    spec["serviceDiscovery"] = {"dns": {"hostname": host, "responseType": "ENDPOINTS"}}
    mesh.update_virtual_node(**node, spec=spec)
    return told


async def test_a_node_that_finds_its_tasks_by_dns_gets_a_name_of_its_own(box: Sandbox) -> None:
    told = await by_dns(box)
    before, names = told.snapshot(), registries(told)
    await told.until(50)
    await told.scale()
    assert len(registries(told)) == len(names) + 1
    assert 50 <= (await until_served(told, "v1", "v2"))["v2"] <= 150
    await tags_tell_what_the_inventory_holds(told)
    await told.roll_back()
    assert told.snapshot() == before
    assert registries(told) == names
    assert await told.inventory.find() == ()
    await told.platform.close()


async def tags_tell_what_the_inventory_holds(told: Story) -> None:
    """Nothing of a version escapes `gc`, also once its ECS service is gone by another hand."""
    known = {(r.kind, r.id): r for r in await told.inventory.find() if r.kind != "appmesh-route"}
    found = {(r.kind, r.id): r for r in await told.platform.survey(told.service)}
    assert found.keys() == known.keys()
    assert {kind for kind, _ in found} >= {"cloudmap-service", "scalable-target", *told.kinds}
    for key, one in found.items():
        assert (one.revision, one.rollout) == ("v2", "r1")
        wanted = {**known[key].detail, "arn": one.detail["arn"]}
        assert one.detail == wanted
    ecs = told.box.session().client("ecs")
    (name,) = (name for name in told.snapshot()["services"] if name != told.stack.service)
    ecs.deregister_task_definition(taskDefinition=f"{name}:1")
    ecs.delete_service(cluster=told.stack.cluster, service=name, force=True)
    after = {(r.kind, r.id) for r in await told.platform.survey(told.service)}
    assert after == {key for key in known if key[0] != "ecs-service"}


async def test_a_node_by_dns_is_promoted_whatever_dies_on_the_way(box: Sandbox) -> None:
    told = await by_dns(box)
    names = registries(told)
    begin(told, "killed at every write")
    await told.until(50)
    await told.promote()
    (name,) = told.snapshot()["services"]
    assert registries(told) == sorted([*names, name])
    assert (await until_served(told, "v2")).total() == 200
    end(told, "killed at every write")
    await told.platform.close()


async def test_a_sidecar_is_added_where_the_task_definition_has_none(box: Sandbox) -> None:
    told = Story(box, await asyncio.to_thread(mesh_stack, box, tasks=1))
    ecs, stack = box.session().client("ecs"), told.stack
    found: Any = ecs.describe_task_definition(taskDefinition=stack.family)["taskDefinition"]
    app = [one for one in found["containerDefinitions"] if one["name"] == stack.container]
    kept = ("family", "networkMode", "cpu", "memory", "taskRoleArn", "executionRoleArn")
    bare = ecs.register_task_definition(
        **{name: found[name] for name in kept},
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=app,
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=stack.cluster, service=stack.service, taskDefinition=bare)
    await told.until(100)
    assert (await until_served(told, "v2")).total() == 200
    (name,) = (one for one in told.snapshot()["services"] if one != stack.service)
    made = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
    (envoy,) = (one for one in made["containerDefinitions"] if one["name"] != stack.container)
    variables = {one["name"]: one["value"] for one in envoy["environment"]}
    assert variables["APPMESH_RESOURCE_ARN"].endswith(f"virtualNode/{name}")
    assert made["proxyConfiguration"]["containerName"] == envoy["name"]
    await told.roll_back()
    await told.platform.close()
