"""What stands in an account, told by boto3 alone: a witness that never reads Chimera's books."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chimera.sandbox import surroundings
from chimera.sandbox.thing import Thing, thing

Json = dict[str, Any]


def things(session: Any, *, cluster: str = "practice") -> tuple[Thing, ...]:
    """List ECS services, task definitions, meshes' nodes and routes, target groups and rules.

    And what stands around them: automatic scaling, names in Cloud Map, roles, security groups.
    Services that drain are still there; INACTIVE ones and deregistered definitions are gone.
    """
    found = (
        *_services(session.client("ecs"), cluster),
        *_definitions(session.client("ecs")),
        *_meshes(session.client("appmesh")),
        *_balancers(session.client("elbv2")),
        *surroundings.things(session),
    )
    return tuple(sorted(found, key=lambda thing: thing.key))


def _services(ecs: Any, cluster: str) -> Iterator[Thing]:
    for page in ecs.get_paginator("list_services").paginate(cluster=cluster):
        for start in range(0, len(page["serviceArns"]), 10):
            wanted = page["serviceArns"][start : start + 10]
            told = ecs.describe_services(cluster=cluster, services=wanted, include=["TAGS"])
            for one in told["services"]:
                if one["status"] != "INACTIVE":
                    family = one["taskDefinition"].rpartition("/")[2]
                    says = f"{_tasks(one['desiredCount'])} of {family}"
                    words = says if one["status"] == "ACTIVE" else "draining"
                    yield thing("ecs service", one["serviceName"], words, one, one.get("tags"))


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _definitions(ecs: Any) -> Iterator[Thing]:
    for page in ecs.get_paginator("list_task_definitions").paginate(status="ACTIVE"):
        for arn in page["taskDefinitionArns"]:
            told = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            definition = told["taskDefinition"]
            image, *more = (one["image"] for one in definition["containerDefinitions"])
            says = f"runs {_short(image)}{' beside an Envoy' if more else ''}"
            name = arn.rpartition("/")[2]
            yield thing("task definition", name, says, definition, told.get("tags"))


def _short(image: str) -> str:
    name, at, digest = image.rpartition("/")[2].partition("@sha256:")
    return f"{name}@{digest[:7]}" if at else name


def _meshes(mesh: Any) -> Iterator[Thing]:
    for one in mesh.list_meshes()["meshes"]:
        name = one["meshName"]
        for node in mesh.list_virtual_nodes(meshName=name)["virtualNodes"]:
            told = mesh.describe_virtual_node(
                meshName=name, virtualNodeName=node["virtualNodeName"]
            )["virtualNode"]
            tags = mesh.list_tags_for_resource(resourceArn=node["arn"])["tags"]
            finds = told["spec"].get("serviceDiscovery", {}).get("awsCloudMap", {})
            wanted = (f"{pair['value']}" for pair in finds.get("attributes", ()))
            says = f"finds the tasks of {', '.join(wanted)}"
            yield thing("virtual node", node["virtualNodeName"], says, told, tags)
        for router in mesh.list_virtual_routers(meshName=name)["virtualRouters"]:
            yield from _routes(mesh, name, router["virtualRouterName"])


def _routes(mesh: Any, name: str, router: str) -> Iterator[Thing]:
    for one in mesh.list_routes(meshName=name, virtualRouterName=router)["routes"]:
        told = mesh.describe_route(
            meshName=name, virtualRouterName=router, routeName=one["routeName"]
        )["route"]
        (action,) = (part["action"] for part in told["spec"].values() if isinstance(part, dict))
        targets = action["weightedTargets"]
        shares = [(each["virtualNode"], each["weight"]) for each in targets]
        yield thing("route", one["routeName"], _shares(shares), told, [])


def _balancers(elb: Any) -> Iterator[Thing]:
    names: dict[str, str] = {}
    for page in elb.get_paginator("describe_target_groups").paginate():
        for group in page["TargetGroups"]:
            arn, name = group["TargetGroupArn"], group["TargetGroupName"]
            names[arn] = name
            (described,) = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
            targets = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            says = f"{len(targets)} targets" if targets else "no targets"
            yield thing("target group", name, says, group, described["Tags"])
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        for listener in listeners:
            for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                name = f"{balancer['LoadBalancerName']}:{listener['Port']}/{rule['Priority']}"
                yield thing("rule", name, _forwards(rule["Actions"], names), rule, [])


def _forwards(actions: Iterable[Json], names: Mapping[str, str]) -> str:
    for action in actions:
        if "ForwardConfig" in action:
            groups = action["ForwardConfig"]["TargetGroups"]
            return _shares([(names[one["TargetGroupArn"]], one["Weight"]) for one in groups])
    return "forwards nothing"


def _shares(shares: list[tuple[str, int]]) -> str:
    whole = sum(weight for _, weight in shares) or 1
    said = (f"{100 * weight / whole:.0f} % to {name}" for name, weight in shares if weight)
    return ", ".join(said) or "no weight at all"
