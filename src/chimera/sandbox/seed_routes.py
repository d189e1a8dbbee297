"""The seed's ways in: a mesh with Cloud Map, or a load balancer with two target groups."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

Json = dict[str, Any]


def create_mesh(session: Any, names: Json) -> Json:
    """Create namespace, discovery service, mesh, node, router, route and virtual service."""
    service, port = names["service"], names["port"]
    namespace = "practice.local"
    registry = _discovery(session.client("servicediscovery"), namespace, names)
    mesh = _mesh(session.client("appmesh"))
    appmesh = session.client("appmesh")
    node, router, route = f"{service}-stable", f"{service}-router", f"{service}-route"
    attributes = [{"key": "ECS_TASK_DEFINITION_FAMILY", "value": names["family"]}]
    where = {"namespaceName": namespace, "serviceName": service, "attributes": attributes}
    listener = {"portMapping": {"port": port, "protocol": "http"}}
    appmesh.create_virtual_node(
        meshName=mesh,
        virtualNodeName=node,
        spec={"listeners": [listener], "serviceDiscovery": {"awsCloudMap": where}},
    )
    appmesh.create_virtual_router(
        meshName=mesh, virtualRouterName=router, spec={"listeners": [listener]}
    )
    action = {"weightedTargets": [{"virtualNode": node, "weight": 100}]}
    appmesh.create_route(
        meshName=mesh,
        virtualRouterName=router,
        routeName=route,
        spec={"httpRoute": {"match": {"prefix": "/"}, "action": action}},
    )
    virtual = f"{service}.{namespace}"
    appmesh.create_virtual_service(
        meshName=mesh,
        virtualServiceName=virtual,
        spec={"provider": {"virtualRouter": {"virtualRouterName": router}}},
    )
    return {
        "namespace": namespace,
        "cloud_map_service": service,
        "mesh": mesh,
        "virtual_node": node,
        "virtual_router": router,
        "route": route,
        "virtual_service": virtual,
        "front": f"{mesh}/{router}",
        "_registry": registry,
    }


def _mesh(appmesh: Any) -> str:
    with suppress(appmesh.exceptions.ConflictException):
        appmesh.create_mesh(meshName="practice")
    return "practice"


def _discovery(cloud_map: Any, namespace: str, names: Json) -> str:
    mine = {"Name": "NAME", "Values": [namespace]}
    found = cloud_map.list_namespaces(Filters=[mine])["Namespaces"]
    if found:
        identity = found[0]["Id"]
    else:
        operation = cloud_map.create_private_dns_namespace(Name=namespace, Vpc=names["vpc"])
        done = cloud_map.get_operation(OperationId=operation["OperationId"])
        identity = done["Operation"]["Targets"]["NAMESPACE"]
    created = cloud_map.create_service(
        Name=names["service"],
        NamespaceId=identity,
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}], "RoutingPolicy": "MULTIVALUE"},
        HealthCheckCustomConfig={"FailureThreshold": 1},
    )
    return str(created["Service"]["Arn"])


def create_load_balancer(session: Any, names: Json) -> Json:
    """Create a load balancer whose rule sends 100 and 0 to two target groups."""
    elb = session.client("elbv2")
    service = names["service"]
    balancer = elb.create_load_balancer(
        Name=f"{service}-alb",
        Subnets=list(names["subnets"]),
        SecurityGroups=[names["security_group"]],
        Type="application",
    )["LoadBalancers"][0]["LoadBalancerArn"]
    first, second = (_target_group(elb, f"{service}-{side}", names) for side in ("blue", "green"))
    closed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[closed]
    )["Listeners"][0]["ListenerArn"]
    groups = [
        {"TargetGroupArn": first, "Weight": 100},
        {"TargetGroupArn": second, "Weight": 0},
    ]
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )["Rules"][0]["RuleArn"]
    return {
        "load_balancer": balancer,
        "listener": listener,
        "rule": rule,
        "target_group": first,
        "target_group_2": second,
        "front": f"{service}-alb:80",
    }


def _target_group(elb: Any, name: str, names: Json) -> str:
    arn = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=names["port"],
        VpcId=names["vpc"],
        TargetType="ip",
        HealthCheckPath="/healthz",
        HealthCheckIntervalSeconds=10,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.modify_target_group_attributes(
        TargetGroupArn=arn,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
    )
    return str(arn)
