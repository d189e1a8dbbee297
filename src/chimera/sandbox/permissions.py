"""Judge calls by an IAM policy, so that a least-privilege policy can be tried out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from chimera.sandbox import wire
from chimera.sandbox.errors import AwsError
from chimera.sandbox.resources import KINDS, context, resources
from chimera.sandbox.wire import Asked, Request

Json = Mapping[str, Any]

# The call's name differs from the permission's, or it needs others as well.
_ALSO = {
    "ecs:RegisterTaskDefinition": ("taskRoleArn", "executionRoleArn"),
    "ecs:RunTask": (),
}
# What is made with tags needs the permission to tag as well.
_TAGGING = {
    "appmesh:CreateVirtualNode": "appmesh:TagResource",
    "application-autoscaling:RegisterScalableTarget": "application-autoscaling:TagResource",
    "ec2:CreateSecurityGroup": "ec2:CreateTags",
    "ecs:CreateService": "ecs:TagResource",
    "ecs:RegisterTaskDefinition": "ecs:TagResource",
    "elasticloadbalancing:CreateTargetGroup": "elasticloadbalancing:AddTags",
    "iam:CreateRole": "iam:TagRole",
    "servicediscovery:CreateService": "servicediscovery:TagResource",
}
_FREE = {"sts:GetCallerIdentity"}


class Permissions:
    """Allows everything until a policy is set; then only what the policy allows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._policy: Json | None = None

    def allow_only(self, policy: Json | None) -> None:
        """Judge every call by this policy document from now on; None allows everything."""
        with self._lock:
            self._policy = policy

    @property
    def policy(self) -> Json | None:
        """The policy in force, None if everything is allowed."""
        with self._lock:
            return self._policy

    def check(self, asked: Asked, request: Request, account: str) -> None:
        """Raise AwsError if the policy does not allow this call."""
        policy = self.policy
        action = f"{wire.iam_prefix(asked.service)}:{asked.action}"
        if policy is None or not asked.action or action in _FREE:
            return
        read = asked.service in KINDS or action in _TAGGING
        params = wire.parse(request, asked) if read else {}
        given = context(asked, params, account)
        for resource in resources(asked, params, account) or (None,):
            if not allowed(policy, action, resource, given):
                from chimera.sandbox.front import denied

                raise denied(asked, account, resource or "*")
        tagging = _TAGGING.get(action)
        if tagging and not allowed(policy, tagging) and _tags(params):
            who = f"arn:aws:iam::{account}:user/practice"
            message = f"User: {who} is not authorized to perform: {tagging} on resource: *"
            raise AwsError("AccessDeniedException", message)
        roles = _ALSO.get(action)
        if roles is None:
            return
        for role in (params.get(name) for name in roles):
            if role and not allowed(policy, "iam:PassRole", role):
                who = f"arn:aws:iam::{account}:user/practice"
                message = f"User: {who} is not authorized to perform: iam:PassRole on {role}"
                raise AwsError("AccessDeniedException", message)


def allowed(
    policy: Json,
    action: str,
    resource: str | None = None,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Tell whether a policy document allows an action.

    Without a resource an action is allowed if it is for any resource at all; without a context
    conditions are taken as met.
    """
    effects = [
        statement["Effect"]
        for statement in _listed(policy.get("Statement", ()))
        if _named(statement, action) and _covers(statement, resource) and _holds(statement, context)
    ]
    return "Allow" in effects and "Deny" not in effects


def _tags(params: Json) -> bool:
    return any(params.get(name) for name in ("tags", "Tags", "TagSpecifications"))


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _named(statement: Json, action: str) -> bool:
    if "NotAction" in statement:
        return not _any(statement["NotAction"], action)
    return _any(statement.get("Action", ()), action)


def _any(patterns: Any, name: str) -> bool:
    return any(fnmatchcase(name.lower(), str(one).lower()) for one in _listed(patterns))


def _covers(statement: Json, resource: str | None) -> bool:
    if resource is None:
        return statement["Effect"] == "Allow" or _any(statement.get("Resource", "*"), "*")
    return any(fnmatchcase(resource, str(one)) for one in _listed(statement.get("Resource", "*")))


def _holds(statement: Json, context: Mapping[str, str] | None) -> bool:
    """Whether the conditions hold: equality and patterns of text and ARNs, as far as we use them.

    A key that the context lacks fails its test, as in IAM.
    """
    if context is None:
        return True
    return all(
        key in context and _any(values, context[key])
        for test in statement.get("Condition", {}).values()
        for key, values in test.items()
    )
