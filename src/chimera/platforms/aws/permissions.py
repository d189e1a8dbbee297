"""Each call that Chimera makes, as the permission that it needs, and on what. Data alone.

A test holds the table against the calls in the source and against those of whole rollouts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DISCOVERY, SETUP, DEPLOY = "discovery", "setup", "deploy"
PURPOSES = (DISCOVERY, SETUP, DEPLOY)
MESH, ALB = "ecs-appmesh", "ecs-alb"
PLATFORMS = (ALB, MESH)

_SERVICES = "arn:{partition}:ecs:{region}:{account}:service/{cluster}/*"
_DEFINITIONS = "arn:{partition}:ecs:{region}:{account}:task-definition/*:*"
_GROUPS = "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/*/*"
_RULES = "arn:{partition}:elasticloadbalancing:{region}:{account}:listener-rule/app/*"
_LISTENERS = "arn:{partition}:elasticloadbalancing:{region}:{account}:listener/app/*"
_MESH = "arn:{partition}:appmesh:{region}:{account}:mesh/{mesh}"
_IN_MESH = f"{_MESH}/*"
_ROLES = "arn:{partition}:iam::{account}:role/*"
_USERS = "arn:{partition}:iam::{account}:user/*"
_AGENT_ROLES = "arn:{partition}:iam::{account}:role/chimera-agent-*"
_REPOSITORIES = "arn:{partition}:ecr:{region}:{account}:repository/*"
_IN_CLUSTER = {
    "ArnEquals": {"ecs:cluster": "arn:{partition}:ecs:{region}:{account}:cluster/{cluster}"}
}
_TO_TASKS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
_WHEN_MADE = {"StringEquals": {"elasticloadbalancing:CreateAction": "CreateTargetGroup"}}


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions on one kind of resource, for some purposes on some platforms."""

    actions: tuple[str, ...]
    resource: str = "*"
    condition: dict[str, Any] | None = None
    purposes: tuple[str, ...] = (DEPLOY,)
    platforms: tuple[str, ...] = PLATFORMS


# A call that makes something with tags, or with roles, needs these as well.
ALSO = {
    "ecs:RegisterTaskDefinition": ("iam:PassRole", "ecs:TagResource"),
    "ecs:CreateService": ("ecs:TagResource",),
    "elasticloadbalancing:CreateTargetGroup": ("elasticloadbalancing:AddTags",),
    "appmesh:CreateVirtualNode": ("appmesh:TagResource",),
    "servicediscovery:CreateService": ("servicediscovery:TagResource",),
    "application-autoscaling:RegisterScalableTarget": ("application-autoscaling:TagResource",),
    "ec2:CreateSecurityGroup": ("ec2:CreateTags",),
    "iam:CreateRole": ("iam:TagRole",),
}


def _all(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


GRANTS = (
    Grant(
        _all("ecs", "DescribeServices CreateService UpdateService DeleteService"),
        _SERVICES,
    ),
    Grant(_all("ecs", "ListTasks DescribeTasks"), condition=_IN_CLUSTER),
    Grant(_all("ecs", "ListServices"), condition=_IN_CLUSTER),
    # ECS knows no resource to limit these to.
    Grant(
        _all(
            "ecs",
            "DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies "
            "RegisterTaskDefinition DeregisterTaskDefinition",
        )
    ),
    Grant(_all("ecs", "DeleteTaskDefinitions"), _DEFINITIONS),
    Grant(_all("ecs", "TagResource"), _SERVICES),
    Grant(_all("ecs", "TagResource"), _DEFINITIONS),
    Grant(_all("iam", "PassRole"), _ROLES, _TO_TASKS),
    # To say before a rollout what is not allowed, of whoever asks.
    Grant(_all("iam", "GetRole SimulatePrincipalPolicy"), _ROLES),
    Grant(_all("iam", "SimulatePrincipalPolicy"), _USERS),
    Grant(_all("ecr", "DescribeImages"), _REPOSITORIES),
    Grant(
        _all(
            "application-autoscaling",
            "DescribeScalableTargets DescribeScalingPolicies RegisterScalableTarget "
            "PutScalingPolicy DescribeScheduledActions PutScheduledAction "
            "DeregisterScalableTarget ListTagsForResource TagResource",
        )
    ),
    Grant(_all("cloudwatch", "GetMetricData GetMetricWidgetImage")),
    Grant(
        _all(
            "elasticloadbalancing",
            "DescribeRules DescribeListeners DescribeTags DescribeTargetGroups "
            "DescribeTargetGroupAttributes DescribeTargetHealth",
        ),
        platforms=(ALB,),
    ),
    Grant(
        _all(
            "elasticloadbalancing",
            "CreateTargetGroup ModifyTargetGroupAttributes DeleteTargetGroup",
        ),
        _GROUPS,
        platforms=(ALB,),
    ),
    Grant(_all("elasticloadbalancing", "AddTags"), _GROUPS, _WHEN_MADE, platforms=(ALB,)),
    Grant(_all("elasticloadbalancing", "ModifyRule"), _RULES, platforms=(ALB,)),
    Grant(_all("elasticloadbalancing", "ModifyListener"), _LISTENERS, platforms=(ALB,)),
    Grant(
        _all(
            "appmesh",
            "DescribeRoute UpdateRoute DescribeVirtualNode CreateVirtualNode DeleteVirtualNode "
            "ListRoutes DescribeVirtualService ListTagsForResource TagResource",
        ),
        _IN_MESH,
        platforms=(MESH,),
    ),
    # To list what is in a mesh is a call on the mesh itself.
    Grant(
        _all("appmesh", "ListVirtualNodes ListVirtualRouters ListVirtualServices"),
        _MESH,
        platforms=(MESH,),
    ),
    Grant(
        _all(
            "servicediscovery",
            "GetService GetNamespace ListServices ListInstances GetInstancesHealthStatus "
            "CreateService DeleteService ListTagsForResource TagResource",
        ),
        platforms=(MESH,),
    ),
    Grant(
        _all("ecs", "DescribeClusters ListClusters ListServices DescribeServices"),
        purposes=(DISCOVERY,),
    ),
    Grant(_all("ecs", "DescribeTaskDefinition"), purposes=(DISCOVERY,)),
    Grant(_all("ecr", "DescribeRepositories DescribeImages"), purposes=(DISCOVERY,)),
    Grant(_all("ec2", "DescribeRegions DescribeVpcs DescribeSubnets"), purposes=(DISCOVERY,)),
    Grant(_all("ec2", "DescribeSecurityGroups"), purposes=(DISCOVERY,), platforms=(MESH,)),
    Grant(
        _all(
            "elasticloadbalancing",
            "DescribeLoadBalancers DescribeListeners DescribeRules DescribeTargetGroups",
        ),
        purposes=(DISCOVERY,),
        platforms=(ALB,),
    ),
    Grant(
        _all(
            "appmesh",
            "ListMeshes ListVirtualRouters ListRoutes ListVirtualNodes DescribeRoute "
            "DescribeVirtualNode",
        ),
        purposes=(DISCOVERY,),
        platforms=(MESH,),
    ),
    Grant(
        _all("servicediscovery", "ListNamespaces ListServices"),
        purposes=(DISCOVERY,),
        platforms=(MESH,),
    ),
    Grant(
        _all("ecs", "DescribeClusters ListServices ListTasks ListTaskDefinitions"),
        purposes=(SETUP,),
        platforms=(MESH,),
    ),
    Grant(
        _all(
            "ecs",
            "DescribeTaskDefinition RegisterTaskDefinition DeregisterTaskDefinition",
        ),
        purposes=(SETUP,),
        platforms=(MESH,),
    ),
    Grant(_all("ecs", "DeleteTaskDefinitions"), _DEFINITIONS, None, (SETUP,), (MESH,)),
    Grant(
        _all("ecs", "DescribeServices CreateService UpdateService DeleteService TagResource"),
        _SERVICES,
        None,
        (SETUP,),
        (MESH,),
    ),
    Grant(_all("ecs", "TagResource"), _DEFINITIONS, None, (SETUP,), (MESH,)),
    Grant(_all("iam", "PassRole"), _AGENT_ROLES, _TO_TASKS, (SETUP,), (MESH,)),
    Grant(
        _all(
            "iam",
            "GetRole CreateRole TagRole AttachRolePolicy PutRolePolicy DetachRolePolicy "
            "DeleteRolePolicy DeleteRole ListAttachedRolePolicies ListRolePolicies",
        ),
        _AGENT_ROLES,
        None,
        (SETUP,),
        (MESH,),
    ),
    Grant(
        _all(
            "ec2",
            "DescribeSubnets DescribeSecurityGroups CreateSecurityGroup DeleteSecurityGroup "
            "CreateTags AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress",
        ),
        purposes=(SETUP,),
        platforms=(MESH,),
    ),
)


def granted(platforms: Iterable[str], purposes: Iterable[str]) -> tuple[Grant, ...]:
    """Return what is needed for any of these purposes on any of these platforms."""
    wanted, here = set(purposes), set(platforms)
    return tuple(g for g in GRANTS if wanted & set(g.purposes) and here & set(g.platforms))


def actions(platforms: Iterable[str], purposes: Iterable[str]) -> tuple[str, ...]:
    """Return the names of those permissions, sorted."""
    return tuple(sorted({a for grant in granted(platforms, purposes) for a in grant.actions}))
