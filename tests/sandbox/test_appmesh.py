"""App Mesh as AWS documents it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.aws_errors import refused

LISTENER = {"portMapping": {"port": 8080, "protocol": "http"}}
NODE = {"listeners": [LISTENER], "serviceDiscovery": {"dns": {"hostname": "app.local"}}}


@pytest.fixture
def mesh(client: Any, name: str) -> Any:
    """A mesh with nodes one and two, a router, and a route to one."""
    appmesh = client("appmesh")
    appmesh.create_mesh(meshName=name)
    for node in ("one", "two"):
        appmesh.create_virtual_node(meshName=name, virtualNodeName=node, spec=NODE)
    appmesh.create_virtual_router(
        meshName=name, virtualRouterName="router", spec={"listeners": [LISTENER]}
    )
    appmesh.create_route(
        meshName=name, virtualRouterName="router", routeName="route", spec=route(one=100)
    )
    return appmesh


def route(**weights: int) -> dict[str, Any]:
    targets = [{"virtualNode": node, "weight": weight} for node, weight in weights.items()]
    return {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}}


def where(name: str) -> dict[str, str]:
    return {"meshName": name, "virtualRouterName": "router", "routeName": "route"}


def test_a_route_reads_back_as_it_was_written(mesh: Any, name: str) -> None:
    mesh.update_route(**where(name), spec=route(one=90, two=10))
    assert mesh.describe_route(**where(name))["route"]["spec"] == route(one=90, two=10)


def test_each_update_raises_the_version_by_one(mesh: Any, name: str) -> None:
    def version() -> int:
        return int(mesh.describe_route(**where(name))["route"]["metadata"]["version"])

    assert version() == 1
    mesh.update_route(**where(name), spec=route(one=90, two=10))
    assert version() == 2


def test_an_update_with_a_used_client_token_is_not_done_again(mesh: Any, name: str) -> None:
    given = {**where(name), "spec": route(one=90, two=10), "clientToken": f"once-{name}"}
    first = mesh.update_route(**given)
    mesh.update_route(**where(name), spec=route(one=50, two=50))
    assert mesh.update_route(**given)["route"]["spec"] == first["route"]["spec"]
    assert mesh.describe_route(**where(name))["route"]["spec"] == route(one=50, two=50)


def test_a_client_token_for_another_request_conflicts(mesh: Any, name: str) -> None:
    mesh.update_route(**where(name), spec=route(one=90, two=10), clientToken=f"once-{name}")
    with refused("ConflictException"):
        mesh.update_route(**where(name), spec=route(one=80, two=20), clientToken=f"once-{name}")


def test_the_target_of_a_route_cannot_be_deleted(mesh: Any, name: str) -> None:
    with refused("ResourceInUseException", "route"):
        mesh.delete_virtual_node(meshName=name, virtualNodeName="one")
    mesh.delete_virtual_node(meshName=name, virtualNodeName="two")


def test_a_target_of_weight_0_is_a_target_still(mesh: Any, name: str) -> None:
    mesh.update_route(**where(name), spec=route(one=100, two=0))
    with refused("ResourceInUseException"):
        mesh.delete_virtual_node(meshName=name, virtualNodeName="two")


def test_a_router_with_routes_cannot_be_deleted(mesh: Any, name: str) -> None:
    router = {"meshName": name, "virtualRouterName": "router"}
    with refused("ResourceInUseException"):
        mesh.delete_virtual_router(**router)
    mesh.delete_route(**where(name))
    mesh.delete_virtual_router(**router)


def test_the_provider_of_a_virtual_service_cannot_be_deleted(mesh: Any, name: str) -> None:
    mesh.create_virtual_service(
        meshName=name,
        virtualServiceName="app.local",
        spec={"provider": {"virtualNode": {"virtualNodeName": "two"}}},
    )
    with refused("ResourceInUseException", "app.local"):
        mesh.delete_virtual_node(meshName=name, virtualNodeName="two")
    mesh.delete_virtual_service(meshName=name, virtualServiceName="app.local")
    mesh.delete_virtual_node(meshName=name, virtualNodeName="two")


def test_a_mesh_that_holds_anything_cannot_be_deleted(mesh: Any, name: str) -> None:
    with refused("ResourceInUseException"):
        mesh.delete_mesh(meshName=name)


@pytest.mark.parametrize("weight", [101, 1000])
def test_a_weight_above_100_is_refused(mesh: Any, name: str, weight: int) -> None:
    with refused("BadRequestException", "weight"):
        mesh.update_route(**where(name), spec=route(one=weight))


def test_more_than_10_targets_are_refused(mesh: Any, name: str) -> None:
    with refused("BadRequestException", "10"):
        mesh.update_route(**where(name), spec=route(**{f"n{i}": 1 for i in range(11)}))


def test_a_target_that_does_not_exist_is_not_found(mesh: Any, name: str) -> None:
    with refused("NotFoundException", "nobody"):
        mesh.update_route(**where(name), spec=route(nobody=1))


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("describe_mesh", {"meshName": "none"}),
        ("describe_virtual_node", {"meshName": "none", "virtualNodeName": "n"}),
        ("list_virtual_nodes", {"meshName": "none"}),
        ("describe_route", {"meshName": "none", "virtualRouterName": "r", "routeName": "x"}),
        ("delete_virtual_router", {"meshName": "none", "virtualRouterName": "r"}),
    ],
)
def test_what_does_not_exist_is_not_found(client: Any, action: str, given: Any) -> None:
    with refused("NotFoundException"):
        getattr(client("appmesh"), action)(**given)


def test_a_name_that_is_taken_conflicts(mesh: Any, name: str) -> None:
    with refused("ConflictException"):
        mesh.create_virtual_node(
            meshName=name, virtualNodeName="one", spec={**NODE, "backends": []}
        )


def test_the_mesh_of_another_account_is_forbidden(mesh: Any, name: str) -> None:
    with refused("ForbiddenException"):
        mesh.describe_mesh(meshName=name, meshOwner="123456789012")


def test_tags_are_added_replaced_and_removed(mesh: Any, name: str) -> None:
    node = mesh.describe_virtual_node(meshName=name, virtualNodeName="one")["virtualNode"]
    arn = node["metadata"]["arn"]
    mesh.tag_resource(
        resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "1"}]
    )
    mesh.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "2"}])
    mesh.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert mesh.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "2"}]


def test_lists_are_paged(mesh: Any, name: str) -> None:
    pages = mesh.get_paginator("list_virtual_nodes").paginate(
        meshName=name, PaginationConfig={"PageSize": 1}
    )
    found = [one["virtualNodeName"] for page in pages for one in page["virtualNodes"]]
    assert found == ["one", "two"]
