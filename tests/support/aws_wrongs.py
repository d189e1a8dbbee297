"""What makes a service on AWS unfit for a rollout, each made by whoever operates it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.aws_story import Json, Story

# Makes something wrong in AWS; returns what the target must say to meet it.
Change = Callable[[Story], Json]
# A task that never ends.
HELD = "held"


def other_service(**more: Any) -> Change:
    """Make the target a service beside the stack's own that differs in these settings."""

    def change(told: Story) -> Json:
        ecs, name = (
            told.box.session().client("ecs"),
            f"{told.stack.service}-x{secrets.token_hex(2)}",
        )
        (like,) = ecs.describe_services(cluster=told.stack.cluster, services=[told.stack.service])[
            "services"
        ]
        request = {
            "taskDefinition": like["taskDefinition"],
            "networkConfiguration": like["networkConfiguration"],
            "serviceRegistries": like["serviceRegistries"],
            "loadBalancers": like["loadBalancers"],
            "launchType": "FARGATE",
            **{key: value(told) if callable(value) else value for key, value in more.items()},
        }
        ecs.create_service(cluster=told.stack.cluster, serviceName=name, desiredCount=1, **request)
        return {"service": name}

    return change


def draining(told: Story) -> Json:
    """Delete the target's service while a task of it still ends."""
    made = other_service()(told)
    ecs = told.box.world.region(told.stack.region).ecs
    with told.box.world.lock:
        record = ecs.services[told.stack.cluster, made["service"]]
        ecs.tasks[HELD] = {
            "group": f"service:{made['service']}",
            "clusterArn": record["clusterArn"],
            "startedBy": record["deployments"][0]["id"],
            "lastStatus": "DEACTIVATING",
            "desiredStatus": "STOPPED",
        }
    told.box.session().client("ecs").delete_service(
        cluster=told.stack.cluster, service=made["service"], force=True
    )
    return made


def only_envoy(told: Story) -> str:
    """Register a task definition whose only containers are sidecars."""
    name = f"{told.stack.family}-sidecars"
    envoy = {
        "name": "app",
        "image": "envoyproxy/envoy:v1",
        "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "APPMESH_RESOURCE_ARN", "value": "mesh/x/virtualNode/y"}],
    }
    told.box.session().client("ecs").register_task_definition(
        family=name,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[envoy],
    )
    return name


def both_groups(told: Story) -> list[Json]:
    """Name both target groups of the stack."""
    where = {"containerName": told.stack.container, "containerPort": told.stack.port}
    return [
        {"targetGroupArn": arn, **where}
        for arn in (told.stack.target_group, told.stack.target_group_2)
    ]


def shifted_by_ecs(told: Story) -> list[Json]:
    """Let ECS itself shift the traffic between two target groups."""
    advanced = {
        "alternateTargetGroupArn": told.stack.target_group_2,
        "productionListenerRule": told.stack.rule,
        "roleArn": told.stack.task_role,
    }
    return [{**both_groups(told)[0], "advancedConfiguration": advanced}]


def any_group(told: Story) -> list[Json]:
    """Make a target group behind a load balancer of its own; return it for a service."""
    return [{**both_groups(told)[0], "targetGroupArn": second_balancer(told)[0]}]


def second_balancer(told: Story) -> tuple[str, str]:
    """Make a load balancer in another VPC; return its target group and its listener's rule."""
    session, name = told.box.session(), f"other-{secrets.token_hex(3)}"
    ec2, elb = session.client("ec2"), session.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.99.{n}.0/24", AvailabilityZone=zone)["Subnet"]
        for n, zone in enumerate(zones[:2])
    ]
    balancer = elb.create_load_balancer(
        Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets], Type="application"
    )["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name=name, Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward
    )["Listeners"][0]["ListenerArn"]
    return group, listener


def rule(kind: str, **config: Any) -> Change:
    """Name a rule that does something else than to forward."""

    def change(told: Story) -> Json:
        made = (
            told.box.session()
            .client("elbv2")
            .create_rule(
                ListenerArn=told.stack.listener,
                Priority=secrets.randbelow(40_000) + 100,
                Conditions=[{"Field": "path-pattern", "Values": ["/away"]}],
                Actions=[{"Type": kind, **config}],
            )
        )
        return {"rule": made["Rules"][0]["RuleArn"]}

    return change


def route(change: Callable[[Json], None]) -> Change:
    """Name a route that differs from the stack's own."""

    def changed(told: Story) -> Json:
        mesh = told.box.session().client("appmesh")
        where = {"meshName": told.stack.mesh, "virtualRouterName": told.stack.virtual_router}
        spec = mesh.describe_route(**where, routeName=told.stack.route)["route"]["spec"]
        name = f"route-{secrets.token_hex(3)}"
        mesh.create_route(**where, routeName=name, spec=spec)
        records = told.box.world.region(told.stack.region).mesh.resources
        with told.box.world.lock:
            change(records["route", told.stack.mesh, told.stack.virtual_router, name])
        return {"route": name}

    return changed


def node(change: Callable[[Json], None]) -> Change:
    """Let a route lead to a node that differs from the stack's own."""

    def changed(told: Story) -> Json:
        mesh, name = told.box.session().client("appmesh"), f"node-{secrets.token_hex(3)}"
        spec = mesh.describe_virtual_node(
            meshName=told.stack.mesh, virtualNodeName=told.stack.virtual_node
        )["virtualNode"]["spec"]
        mesh.create_virtual_node(meshName=told.stack.mesh, virtualNodeName=name, spec=spec)
        records = told.box.world.region(told.stack.region).mesh.resources
        with told.box.world.lock:
            change(records["virtualNode", told.stack.mesh, name]["spec"])
        return route(
            lambda record: record["spec"]["httpRoute"]["action"].update(
                weightedTargets=[{"virtualNode": name, "weight": 100}]
            )
        )(told)

    return changed


def no_discovery(spec: Json) -> None:
    del spec["serviceDiscovery"]


def takes_all(spec: Json) -> None:
    spec["serviceDiscovery"]["awsCloudMap"]["attributes"] = []


def of_another(spec: Json) -> None:
    spec["serviceDiscovery"]["awsCloudMap"]["attributes"][0]["value"] = "somebody"


def shared(record: Json) -> None:
    record["metadata"] = {**record["metadata"], "meshOwner": "999999999999"}


def without_weights(record: Json) -> None:
    record["spec"]["httpRoute"]["action"] = {}


def of_tcp(record: Json) -> None:
    record["spec"] = {"tcpRoute": {"action": record["spec"]["httpRoute"]["action"]}}


def divided(record: Json) -> None:
    action = record["spec"]["httpRoute"]["action"]
    stable = action["weightedTargets"][0]["virtualNode"]
    action["weightedTargets"] = [{"virtualNode": stable, "weight": 1} for _ in range(2)]


def crowded(told: Story) -> Json:
    """Put three more idle groups into the rule, which then has five."""
    elb = told.box.session().client("elbv2")
    actions = elb.describe_rules(RuleArns=[told.stack.rule])["Rules"][0]["Actions"]
    for _ in range(3):
        arn = elb.create_target_group(
            Name=f"idle-{secrets.token_hex(3)}",
            Protocol="HTTP",
            Port=8080,
            VpcId=told.stack.vpc,
            TargetType="ip",
        )["TargetGroups"][0]["TargetGroupArn"]
        idle = {"TargetGroupArn": arn, "Weight": 0}
        actions[0]["ForwardConfig"]["TargetGroups"].append(idle)
    elb.modify_rule(RuleArn=told.stack.rule, Actions=actions)
    return {}


@contextmanager
def undone(told: Story) -> Iterator[None]:
    """Take away what a case has made, so that the next one finds the stack as it was."""
    session, stack = told.box.session(), told.stack
    ecs, elb, mesh = session.client("ecs"), session.client("elbv2"), session.client("appmesh")
    rules = elb.describe_rules(RuleArns=[stack.rule])["Rules"] if stack.rule else []
    yield
    told.box.faults.set([])
    with told.box.world.lock:
        told.box.world.region(stack.region).ecs.tasks.pop(HELD, None)
    for one in rules:
        elb.modify_rule(RuleArn=one["RuleArn"], Actions=one["Actions"])
    for arn in ecs.list_services(cluster=stack.cluster, maxResults=100)["serviceArns"]:
        name = arn.rpartition("/")[2]
        if name.startswith(f"{stack.service}-x"):
            with suppress(ecs.exceptions.ServiceNotFoundException):  # an earlier case's, just gone
                ecs.delete_service(cluster=stack.cluster, service=name, force=True)
    if stack.listener:
        for one in elb.describe_rules(ListenerArn=stack.listener)["Rules"]:
            if not one["IsDefault"] and one["RuleArn"] != stack.rule:
                elb.delete_rule(RuleArn=one["RuleArn"])
    if stack.mesh:
        where = {"meshName": stack.mesh, "virtualRouterName": stack.virtual_router}
        for one in mesh.list_routes(**where)["routes"]:
            if one["routeName"] != stack.route:
                mesh.delete_route(**where, routeName=one["routeName"])
