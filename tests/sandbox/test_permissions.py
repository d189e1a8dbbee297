"""A policy can be tried out: what it does not allow is refused as IAM refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_errors import refused

from chimera.sandbox import Sandbox
from chimera.sandbox.permissions import allowed


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
