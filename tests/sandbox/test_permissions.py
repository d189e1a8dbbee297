"""A policy can be tried out: what it does not allow is refused as IAM refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_errors import refused

from chimera.sandbox import Sandbox
from chimera.sandbox.permissions import allowed
from chimera.sandbox.resources import resources
from chimera.sandbox.wire import Asked


def policy(*statements: Any) -> Any:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, resource: str = "*") -> Any:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@pytest.fixture
def judged(box: Sandbox) -> Iterator[Sandbox]:
    yield box
    box.permissions.allow_only(None)


def test_only_what_the_policy_allows_is_done(judged: Sandbox, client: Any, name: str) -> None:
    judged.permissions.allow_only(policy(allow("ecs:Describe*", "elasticloadbalancing:*")))
    client("ecs").describe_clusters(clusters=[name])
    client("elbv2").describe_load_balancers()
    with refused("AccessDeniedException", "ecs:CreateCluster"):
        client("ecs").create_cluster(clusterName=name)
    assert client("sts").get_caller_identity()["Account"] == judged.account


def test_a_role_is_passed_only_with_permission(judged: Sandbox, client: Any, name: str) -> None:
    role = f"arn:aws:iam::{judged.account}:role/practice"
    app = {"name": "app", "image": "logo:1", "memory": 64}
    given = {"family": name, "containerDefinitions": [app], "taskRoleArn": role}
    register = allow("ecs:RegisterTaskDefinition")
    judged.permissions.allow_only(policy(register))
    with refused("AccessDeniedException", "iam:PassRole"):
        client("ecs").register_task_definition(**given)
    judged.permissions.allow_only(policy(register, allow("iam:PassRole", resource=role)))
    client("ecs").register_task_definition(**given)


@pytest.mark.parametrize(
    ("document", "granted"),
    [
        (policy(allow("ecs:*")), True),
        (policy(allow("ECS:createservice")), True),
        (policy(allow("ecs:Create*", resource="arn:aws:ecs:*:*:service/prod/*")), True),
        (policy(allow("appmesh:*")), False),
        (policy(allow("*"), {"Effect": "Deny", "Action": "ecs:*", "Resource": "*"}), False),
        (policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), True),
        ({"Statement": allow("ecs:CreateService")}, True),
        (policy(), False),
    ],
)
def test_a_policy_document_is_judged_as_iam_does(document: Any, granted: bool) -> None:
    assert allowed(document, "ecs:CreateService") is granted


MESH = "arn:aws:appmesh:eu-west-1:123456789012:mesh/shop"
ECS = "arn:aws:ecs:eu-west-1:123456789012"
WEB = {"cluster": f"{ECS}:cluster/prod", "service": "web"}


@pytest.mark.parametrize(
    ("action", "params", "resource"),
    [
        ("appmesh:ListMeshes", {}, ""),
        ("appmesh:ListVirtualNodes", {"meshName": "shop"}, MESH),
        ("appmesh:ListRoutes", {"meshName": "shop", "virtualRouterName": "r"}, "/virtualRouter/r"),
        (
            "appmesh:UpdateRoute",
            {"meshName": "shop", "virtualRouterName": "r", "routeName": "web"},
            "/virtualRouter/r/route/web",
        ),
        ("appmesh:CreateVirtualNode", {"meshName": "shop", "virtualNodeName": "n"}, "/n"),
        ("appmesh:ListTagsForResource", {"resourceArn": f"{MESH}/virtualNode/n"}, "/n"),
        ("ecs:ListTasks", WEB, ""),
        ("ecs:UpdateService", WEB, f"{ECS}:service/prod/web"),
        ("ecs:DescribeServices", {"services": ["web"]}, f"{ECS}:service/default/web"),
        ("ecs:DeleteTaskDefinitions", {"taskDefinitions": ["web:1"]}, ":task-definition/web:1"),
        ("elbv2:DescribeRules", {"ListenerArn": "arn:a"}, ""),
        ("elbv2:ModifyListener", {"ListenerArn": "arn:a"}, "arn:a"),
        ("elbv2:CreateTargetGroup", {"Name": "g"}, ":targetgroup/g/0"),
        ("iam:GetRole", {"RoleName": "me"}, "arn:aws:iam::123456789012:role/me"),
        ("cloudwatch:GetMetricData", {}, ""),
    ],
)
def test_a_call_is_judged_on_what_it_is_about(
    action: str, params: dict[str, Any], resource: str
) -> None:
    service, _, name = action.partition(":")
    asked = Asked(service, "eu-west-1", name, "json", {}, "")
    found = resources(asked, params, "123456789012")
    assert len(found) == bool(resource)
    assert all(one.endswith(resource) for one in found)


def test_another_meshs_nodes_and_another_clusters_services_are_refused(
    judged: Sandbox, client: Any, name: str
) -> None:
    client("appmesh").create_mesh(meshName=name)
    inside = allow("appmesh:ListVirtualNodes", resource=f"arn:aws:appmesh:*:*:mesh/{name}/*")
    judged.permissions.allow_only(policy(inside))
    with refused("AccessDeniedException", f"mesh/{name}"):
        client("appmesh").list_virtual_nodes(meshName=name)
    itself = allow("appmesh:ListVirtualNodes", resource=f"arn:aws:appmesh:*:*:mesh/{name}")
    here = {"ArnLike": {"ecs:cluster": f"arn:aws:ecs:*:*:cluster/{name}"}}
    listed = {**allow("ecs:ListServices"), "Condition": here}
    judged.permissions.allow_only(policy(itself, listed))
    client("appmesh").list_virtual_nodes(meshName=name)
    with refused("AccessDeniedException", "ecs:ListServices"):
        client("ecs").list_services(cluster="another")


def test_a_roles_policies_are_simulated(client: Any, box: Sandbox, name: str) -> None:
    iam = client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    document = json.dumps(policy(allow("ecs:Describe*")))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
    iam.attach_role_policy(
        RoleName=name, PolicyArn="arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
    )
    actions = ["ecs:DescribeServices", "cloudwatch:PutMetricData", "ecs:CreateService"]
    answer = iam.simulate_principal_policy(PolicySourceArn=role["Arn"], ActionNames=actions)
    decisions = [one["EvalDecision"] for one in answer["EvaluationResults"]]
    assert decisions == ["allowed", "allowed", "implicitDeny"]
    with refused("NoSuchEntity"):
        iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{box.account}:role/nobody", ActionNames=actions
        )


def test_the_practice_user_is_simulated_by_the_policy_in_force(
    judged: Sandbox, client: Any
) -> None:
    judged.permissions.allow_only(policy(allow("iam:SimulatePrincipalPolicy", "ecs:List*")))
    who = client("sts").get_caller_identity()["Arn"]
    answer = client("iam").simulate_principal_policy(
        PolicySourceArn=who, ActionNames=["ecs:ListServices", "ecs:CreateService"]
    )
    decisions = [one["EvalDecision"] for one in answer["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]
