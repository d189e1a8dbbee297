"""IAM and STS: who one is, and what a principal's policies allow."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.registry import Call, PassOn, answers
from chimera.sandbox.permissions import allowed

Json = dict[str, Any]
_EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@answers("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> Json:
    """Answer as the practice user, unless a role was assumed."""
    if call.principal.startswith("ASIA"):
        raise PassOn
    account = call.world.account
    return {
        "UserId": "AIDAPRACTICERANGEUSER",
        "Account": account,
        "Arn": f"arn:aws:iam::{account}:user/practice",
    }


@answers("sts", "AssumeRole")
def assume_role(call: Call) -> Json:
    """Begin a session, if the role exists and its trust policy's external id is given."""
    name = str(call.params["RoleArn"]).rpartition("/")[2]
    given = {"sts:ExternalId": call.params["ExternalId"]} if "ExternalId" in call.params else {}
    roles = _backend(call).roles.values()
    trust = next(
        (_document(one.assume_role_policy_document) for one in roles if one.name == name), {}
    )
    if not allowed(trust, "sts:AssumeRole", None, given):
        who = f"arn:aws:iam::{call.world.account}:user/practice"
        message = (
            f"User: {who} is not authorized to perform: sts:AssumeRole on resource: "
            f"{call.params['RoleArn']}"
        )
        raise AwsError("AccessDenied", message, 403)
    status, _, body = call.moto()
    told = dict(re.findall(r"<(\w+)>([^<]+)</\1>", body.decode()))
    if status != 200:
        raise AwsError(told.get("Code", "ValidationError"), told.get("Message", ""), status)
    asked = timedelta(seconds=int(call.params.get("DurationSeconds", 3600)))
    ends_at = datetime.now(UTC) + min(asked, call.world.options.session)
    call.world.sessions.begin(told["AccessKeyId"], ends_at.timestamp())
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return {
        "Credentials": {**{name: told[name] for name in names}, "Expiration": ends_at},
        "AssumedRoleUser": {"AssumedRoleId": told["AssumedRoleId"], "Arn": told["Arn"]},
    }


@answers("iam", "SimulatePrincipalPolicy")
def simulate(call: Call) -> Json:
    """Judge actions by a role's policies; the practice user may do what the range lets it."""
    params = call.params
    policies = _policies(call, params["PolicySourceArn"])
    policies += [json.loads(one) for one in params.get("PolicyInputList", ())]
    context = {
        one["ContextKeyName"]: one["ContextKeyValues"][0]
        for one in params.get("ContextEntries", ())
        if one.get("ContextKeyValues")
    }
    results = []
    for action in params["ActionNames"]:
        for resource in params.get("ResourceArns") or ["*"]:
            granted = any(allowed(one, action, resource, context) for one in policies)
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": "allowed" if granted else "implicitDeny",
                    "MatchedStatements": [],
                    "MissingContextValues": [],
                }
            )
    return {"EvaluationResults": results, "IsTruncated": False}


def _policies(call: Call, arn: str) -> list[Json]:
    account = call.world.account
    if arn == f"arn:aws:iam::{account}:user/practice":
        return [dict(call.world.permissions.policy or _EVERYTHING)]
    for role in _backend(call).roles.values():
        if role.arn == arn:
            inline = [_document(one) for one in role.policies.values()]
            managed = [
                _document(version.document)
                for one in role.managed_policies.values()
                for version in one.versions
                if version.is_default
            ]
            return inline + managed
    raise AwsError("NoSuchEntity", f"The entity {arn} cannot be found.", 404)


def _backend(call: Call) -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[call.world.account]["aws"]


def _document(given: Any) -> Json:
    if isinstance(given, dict):
        return given
    found: Json = json.loads(unquote(given))
    return found
