"""The forward action of a listener or rule as data: target groups with weights. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FULL = 100
MOST_GROUPS = 5
Actions = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Group:
    """A target group by its ARN, with its weight from 0 to 999."""

    arn: str
    weight: int


@dataclass(frozen=True, slots=True)
class Shares:
    """Who a forward action's groups are; stable is "" if it cannot be told.

    percent: the canary's share; None if it is not one that Chimera sets.
    """

    stable: str
    canary: str = ""
    percent: int | None = 0


def groups(actions: Actions) -> tuple[Group, ...]:
    """Return the target groups that requests are forwarded to; none if they are not."""
    action = _forward(actions)
    named = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
    if not named and action.get("TargetGroupArn"):
        return (Group(str(action["TargetGroupArn"]), 1),)
    return tuple(Group(str(one["TargetGroupArn"]), int(one.get("Weight", 1))) for one in named)


def with_groups(actions: Actions, wanted: Sequence[Group]) -> list[dict[str, Any]]:
    """Return the same actions with other groups; stickiness and all other actions are untouched."""
    changed = copy.deepcopy([dict(action) for action in actions])
    for action in changed:
        if action.get("Type") != "forward":
            continue
        config = action.setdefault("ForwardConfig", {})
        config["TargetGroups"] = [{"TargetGroupArn": g.arn, "Weight": g.weight} for g in wanted]
        if action.pop("TargetGroupArn", None) and len(wanted) == 1:
            action["TargetGroupArn"] = wanted[0].arn
    return changed


def replaced(actions: Actions, old: str, new: str) -> list[dict[str, Any]]:
    """Return the same actions with one group in the place of another."""
    changed = copy.deepcopy([dict(action) for action in actions])
    for action in changed:
        if action.get("TargetGroupArn") == old:
            action["TargetGroupArn"] = new
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            if group["TargetGroupArn"] == old:
                group["TargetGroupArn"] = new
    return changed


def sendable(actions: Actions) -> list[dict[str, Any]]:
    """Return actions as AWS takes them back: it does not tell a client's secret, but keeps it."""
    changed = copy.deepcopy([dict(action) for action in actions])
    for action in changed:
        oidc = action.get("AuthenticateOidcConfig")
        if oidc and "ClientSecret" not in oidc:
            oidc["UseExistingClientSecret"] = True
        if len(groups([action])) > 1:
            action.pop("TargetGroupArn", None)
    return changed


def frame(actions: Actions) -> list[dict[str, Any]]:
    """Return all of the actions but their groups: what Chimera never changes."""
    bare = with_groups(actions, ())
    for action in bare:
        action.pop("TargetGroupArn", None)
        if action.get("Type") == "forward":
            sticky = (action["ForwardConfig"].pop("TargetGroupStickinessConfig", None)) or {}
            action["ForwardConfig"]["sticky"] = sticky if sticky.get("Enabled") else {}
    return bare


def is_sticky(actions: Actions) -> bool:
    """Whether users stay with their group, also when its weight is 0."""
    config = _forward(actions).get("ForwardConfig") or {}
    return bool((config.get("TargetGroupStickinessConfig") or {}).get("Enabled"))


def shares(found: Sequence[Group], beside: Mapping[str, str]) -> Shares:
    """Tell stable, canary and its share. beside: group of ours -> the stable one it was made for.

    The groups' order says nothing: AWS does not promise to keep it.
    """
    arns = {group.arn for group in found}
    canaries = [group for group in found if beside.get(group.arn) in arns]
    if len(canaries) > 1:
        return Shares(beside[canaries[0].arn], canaries[0].arn, None)
    if not canaries:
        live = [group for group in found if group.weight] if len(found) > 1 else list(found)
        return Shares(live[0].arn) if len(live) == 1 else Shares("", "", None)
    canary = canaries[0]
    stable = next(group for group in found if group.arn == beside[canary.arn])
    total = sum(group.weight for group in found)
    strangers = total - stable.weight - canary.weight
    if strangers or not total or canary.weight * FULL % total:
        return Shares(stable.arn, canary.arn, None)
    return Shares(stable.arn, canary.arn, canary.weight * FULL // total)


def split(stable: str, canary: str, weight: int, like: Sequence[Group]) -> tuple[Group, ...]:
    """Return groups for a weight in percent; the operator's idle groups stay, without weight."""
    rest = tuple(Group(g.arn, 0) for g in like if g.arn not in {stable, canary})
    return (Group(stable, FULL - weight), Group(canary, weight), *rest)


def joined(found: Sequence[Group], stable: str, canary: str) -> list[Group]:
    """Return groups in which stable has the canary's weight as well."""
    total = sum(group.weight for group in found if group.arn in {stable, canary})
    weights = {stable: total or FULL, canary: 0}
    return [Group(group.arn, weights.get(group.arn, group.weight)) for group in found]


def alone(backend: str, like: Sequence[Group], gone: Sequence[str]) -> tuple[Group, ...]:
    """Return groups that send everything to one, without the ones that are gone."""
    kept = [g for g in like if g.arn != backend and g.arn not in gone]
    weight = max((g.weight for g in like), default=1) or 1
    return (Group(backend, weight), *(Group(g.arn, 0) for g in kept))


def _forward(actions: Actions) -> Mapping[str, Any]:
    return next((action for action in actions if action.get("Type") == "forward"), {})
