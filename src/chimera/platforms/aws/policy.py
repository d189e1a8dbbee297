"""The least IAM policy under which Chimera works, as a document. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chimera.core.errors import SpecError
from chimera.platforms.aws.permissions import PLATFORMS, PURPOSES, granted


@dataclass(frozen=True, slots=True)
class Scope:
    """What a policy is limited to; "*" is anything."""

    account: str = "*"
    region: str = "*"
    cluster: str = "*"
    mesh: str = "*"
    partition: str = "aws"


def document(
    platforms: Iterable[str] = PLATFORMS,
    purposes: Iterable[str] = PURPOSES,
    scope: Scope | None = None,
) -> dict[str, Any]:
    """Return the policy document; SpecError for a platform or purpose that does not exist."""
    platforms, purposes = tuple(platforms), tuple(purposes)
    _refuse_unknown("platform", platforms, PLATFORMS)
    _refuse_unknown("purpose", purposes, PURPOSES)
    where = scope or Scope()
    merged: dict[tuple[str, str], list[str]] = {}
    for grant in granted(platforms, purposes):
        key = (filled(grant.resource, where), json.dumps(_condition(grant.condition, where)))
        names = merged.setdefault(key, [])
        names += [name for name in grant.actions if name not in names]
    statements = []
    for (resource, condition), names in merged.items():
        statement = {"Effect": "Allow", "Action": sorted(names), "Resource": resource}
        if json.loads(condition):
            statement["Condition"] = json.loads(condition)
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def _condition(condition: Mapping[str, Any] | None, scope: Scope) -> Any:
    if not condition:
        return {}
    text = json.dumps(condition)
    # ArnEquals takes no wildcard in an ARN's account and region.
    found = json.loads(filled(text, scope))
    return {"ArnLike" if key == "ArnEquals" else key: value for key, value in found.items()}


def filled(text: str, scope: Scope) -> str:
    """Return a grant's text with what it is limited to."""
    for name in ("partition", "region", "account", "cluster", "mesh"):
        text = text.replace("{" + name + "}", str(getattr(scope, name)))
    return text


def _refuse_unknown(kind: str, given: Sequence[str], known: Sequence[str]) -> None:
    for one in given:
        if one not in known:
            raise SpecError(f"unknown {kind} '{one}'", hint=f"known: {', '.join(known)}")
