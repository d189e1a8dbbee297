"""What an identity may do, as IAM simulates it: nothing is called but the simulation itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chimera.core.errors import ProviderDenied, ProviderError
from chimera.platforms.aws.errors import is_absent
from chimera.platforms.aws.permissions import Grant, granted
from chimera.platforms.aws.policy import Scope, filled
from chimera.platforms.aws.session import Account

_ASSUMED = re.compile(r"arn:([a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+")
# A name that fits every pattern: a policy is limited by the beginning of an ARN.
_ANY = "chimera-check"
# Which roles are passed is known with the task definition alone.
_NOT_ASKED = {"iam:PassRole"}


@dataclass(frozen=True, slots=True)
class Simulated:
    """Which actions are not allowed. asked: how many. unknown: why they could not be asked."""

    missing: tuple[str, ...]
    asked: int
    unknown: str = ""


async def principal(account: Account, arn: str) -> str:
    """Return whose policies count: the role behind a session of it, by its whole ARN.

    A session's ARN leaves out the path of its role, which those of single sign-on have.
    """
    found = _ASSUMED.fullmatch(arn)
    if not found:
        return arn
    try:
        answer = await account.call(account.iam.get_role, RoleName=found[3])
    except ProviderError:
        return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}"
    return str(answer["Role"]["Arn"])


async def why_unknown(account: Account) -> str:
    """Say why IAM cannot be asked what this identity may do, "" if it can."""
    try:
        arn = str((await account.call(account.sts.get_caller_identity))["Arn"])
        await account.call(
            account.iam.simulate_principal_policy,
            PolicySourceArn=await principal(account, arn),
            ActionNames=["sts:GetCallerIdentity"],
        )
    except ProviderError as error:
        return _unknown(error)
    return ""


def _unknown(error: ProviderError) -> str:
    if isinstance(error, ProviderDenied):
        return "iam:SimulatePrincipalPolicy is not allowed to this identity"
    if is_absent(error):
        return "iam:GetRole is not allowed to this identity, and the path of its role not known"
    return error.reason


def scope_of(arn: str, region: str, cluster: str = "", mesh: str = "") -> Scope:
    """Return where a caller of that ARN works; cluster and mesh by name or ARN."""
    _, partition, _, _, account, _ = arn.split(":", 5)
    named = cluster.rpartition("/")[2], mesh.rpartition("/")[2]
    return Scope(account, region, named[0] or "*", named[1] or "*", partition)


async def simulate(
    account: Account,
    arn: str,
    scope: Scope,
    platforms: Iterable[str],
    purposes: Iterable[str],
    *,
    name: str = _ANY,
    roles: Sequence[str] = (),
) -> Simulated:
    """Ask IAM about every action that these purposes need, on the resources that it is for.

    name: how those resources are called, which a policy may be limited to. roles: the ARNs of those
    that tasks are given.

    What depends on a cluster or mesh that `scope` does not name is left out: a policy may be
    limited to one.
    """
    asking = _requests(granted(platforms, purposes), scope, name)
    if roles:
        asking.append(_passing(roles))
    asked = {name for request in asking for name in request["ActionNames"]}
    whose = await principal(account, arn)
    try:
        answers = await asyncio.gather(
            *(
                account.pages(
                    account.iam.simulate_principal_policy,
                    "EvaluationResults",
                    PolicySourceArn=whose,
                    **request,
                )
                for request in asking
            )
        )
    except ProviderError as error:
        return Simulated((), 0, _unknown(error))
    denied = {
        str(one["EvalActionName"])
        for answer in answers
        for one in answer
        if one["EvalDecision"] != "allowed" and not _unclear(one)
    }
    return Simulated(tuple(sorted(denied)), len(asked))


def _passing(roles: Sequence[str]) -> dict[str, Any]:
    context = _context({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
    return {
        "ActionNames": ["iam:PassRole"],
        "ResourceArns": list(roles),
        "ContextEntries": context,
    }


def _unclear(answer: Mapping[str, Any]) -> bool:
    """Whether a condition speaks of what only the real call has, such as a tag."""
    return answer["EvalDecision"] == "implicitDeny" and bool(answer.get("MissingContextValues"))


def _requests(grants: Sequence[Grant], scope: Scope, name: str) -> list[dict[str, Any]]:
    merged: dict[tuple[str, str], set[str]] = {}
    for grant in grants:
        condition = filled(json.dumps(grant.condition or {}), scope)
        resource = filled(grant.resource, scope)
        limited = "{cluster}" in f"{grant.resource}{grant.condition}" and scope.cluster == "*"
        if limited or ("{mesh}" in grant.resource and scope.mesh == "*"):
            continue
        names = set(grant.actions) - _NOT_ASKED
        if names:
            merged.setdefault((resource, condition), set()).update(names)
    return [
        {
            "ActionNames": sorted(names),
            "ResourceArns": [resource if resource == "*" else resource.replace("*", name)],
            "ContextEntries": _context(json.loads(condition)),
        }
        for (resource, condition), names in merged.items()
    ]


def _context(condition: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for test in condition.values()
        for key, value in test.items()
    ]
