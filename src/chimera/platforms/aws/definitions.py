"""Task definitions: cloned for a version, found again, and removed after it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from chimera.core.errors import ProviderDenied, ProviderRefused
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.naming import ecs_tags, kept_tags, read_tags
from chimera.platforms.aws.session import Account
from chimera.platforms.aws.shapes import fitted

_BATCH = 10


def cloned(
    client: Any,
    definition: Mapping[str, Any],
    *,
    family: str,
    container: str,
    image: str,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """Return the request for a task definition that differs in its family, image and logs only."""
    request = fitted(client, "RegisterTaskDefinition", copy.deepcopy(dict(definition)))
    request["family"] = family
    request["tags"] = ecs_tags({**kept_tags(read_tags(definition.get("tags"))), **tags})
    for one in request["containerDefinitions"]:
        if one["name"] == container:
            one["image"] = image
        logs = one.get("logConfiguration") or {}
        if logs.get("logDriver") == "awslogs":
            logs.setdefault("options", {})["awslogs-stream-prefix"] = family
    return request


async def register(site: Site, request: dict[str, Any]) -> str:
    """Register a task definition unless its family has one already; return its ARN.

    A family belongs to one version of one rollout: what is there is what a lost reply was about.
    """
    ecs = site.account.ecs
    found = await revisions(site.account, request["family"], "ACTIVE")
    if found:
        return found[0]
    answer = await site.account.call(ecs.register_task_definition, **request)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


async def remove_family(site: Site, family: str) -> None:
    """Deregister and delete every revision of a family."""
    for arn in await revisions(site.account, family, "ACTIVE"):
        await _deregister(site, arn)
    await _delete(site, await revisions(site.account, family, "INACTIVE"))


async def remove_one(site: Site, arn: str) -> None:
    """Deregister and delete one revision of a family; gone already is fine."""
    status = await _status(site, arn)
    if status == "ACTIVE":
        await _deregister(site, arn)
    if status in {"ACTIVE", "INACTIVE"}:
        await _delete(site, [arn])


async def _status(site: Site, arn: str) -> str:
    """Return a revision's status, "" if it does not exist: ECS has no code of its own for that."""
    ecs = site.account.ecs
    try:
        answer = await site.account.call(ecs.describe_task_definition, taskDefinition=arn)
    except ProviderDenied:
        raise
    except ProviderRefused:
        return ""
    return str(answer["taskDefinition"]["status"])


async def revisions(account: Account, family: str, status: str) -> list[str]:
    """Return the ARNs of a family's revisions, newest first."""
    arns = await account.pages(
        account.ecs.list_task_definitions,
        "taskDefinitionArns",
        familyPrefix=family,
        status=status,
        sort="DESC",
    )
    return [str(arn) for arn in arns if str(arn).rpartition("/")[2].partition(":")[0] == family]


async def _deregister(site: Site, arn: str) -> None:
    await site.account.call(site.account.ecs.deregister_task_definition, taskDefinition=arn)


async def _delete(site: Site, arns: list[str]) -> None:
    for start in range(0, len(arns), _BATCH):
        await delete(site.account, arns[start : start + _BATCH])


async def delete(account: Account, arns: list[str]) -> None:
    """Delete up to 10 inactive revisions; ProviderRefused names those that ECS keeps, and why."""
    answer = await account.call(account.ecs.delete_task_definitions, taskDefinitions=arns)
    kept = [one for one in answer.get("failures") or () if not _gone(one)]
    if kept:
        told = (
            " ".join(filter(None, [one.get("arn"), one.get("reason"), one.get("detail")]))
            for one in kept
        )
        raise ProviderRefused(PROVIDER, "ecs DeleteTaskDefinitions", "; ".join(told))


def _gone(failure: Mapping[str, Any]) -> bool:
    reason = str(failure.get("reason", ""))
    return reason == "MISSING" or "does not exist" in reason
