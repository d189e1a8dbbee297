"""Reading and writing Elastic Load Balancing: a service's listener or rule, and target groups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.aws import letting
from chimera.platforms.aws.alboptions import EcsAlbTarget
from chimera.platforms.aws.arms import Backend
from chimera.platforms.aws.errors import PROVIDER, is_absent
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.forwards import MOST_GROUPS, Group, groups, sendable
from chimera.platforms.aws.naming import read_tags
from chimera.platforms.aws.shapes import fitted

_READ_BACK_S = 10.0
_TAGGED_AT_ONCE = 20
RULE = ":listener-rule/"


@dataclass(frozen=True, slots=True)
class Place:
    """A listener or rule as it stands: its ARN and its actions as AWS tells them."""

    arn: str
    actions: tuple[dict[str, Any], ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The target groups that it forwards to."""
        return groups(self.actions)


def options(site: Site) -> EcsAlbTarget:
    """Return the site's target as this platform's."""
    return cast("EcsAlbTarget", site.target)


def load_balancer_of(arn: str) -> str:
    """Return the load balancer of a listener or rule, as CloudWatch names it: app/NAME/ID."""
    return "/".join(arn.split("/")[1:4])


async def read_place(site: Site, arn: str) -> Place:
    """Return a listener's or rule's actions; ProviderRefused if it is gone or forwards nothing."""
    elb = site.account.elbv2
    try:
        if RULE in arn:
            answer = await site.account.call(elb.describe_rules, RuleArns=[arn])
            actions = answer["Rules"][0]["Actions"]
        else:
            answer = await site.account.call(elb.describe_listeners, ListenerArns=[arn])
            actions = answer["Listeners"][0]["DefaultActions"]
    except (ProviderRefused, IndexError) as error:
        if isinstance(error, ProviderRefused) and not is_absent(error):
            raise
        reason = f"there is no listener or rule {arn}"
        hint = "check target.rule, target.listener and target.region"
        raise ProviderRefused(PROVIDER, "read the rule", reason, hint=hint) from error
    place = Place(arn, tuple(actions))
    if not place.groups:
        kinds = ", ".join(str(action.get("Type")) for action in actions) or "nothing"
        reason = f"{arn} forwards to no target group: its actions are {kinds}"
        hint = "name the rule that forwards to the service in target.rule"
        raise ProviderRefused(PROVIDER, "read the rule", reason, hint=hint)
    return place


async def write_place(site: Site, place: Place, wanted: Sequence[dict[str, Any]]) -> None:
    """Put other actions into a listener or rule, unless it has them, and read them back."""
    if list(place.actions) == list(wanted):
        return
    named = groups(wanted)
    if len(named) > MOST_GROUPS:
        reason = f"a load balancer takes {MOST_GROUPS} target groups in one action at most"
        hint = f"take an idle target group out of {place.arn}"
        raise ProviderRefused(PROVIDER, "change the rule", reason, hint=hint)
    elb, actions = site.account.elbv2, sendable(wanted)
    if RULE in place.arn:
        request = fitted(elb, "ModifyRule", {"RuleArn": place.arn, "Actions": actions})
        await site.account.call(elb.modify_rule, **request)
    else:
        given = {"ListenerArn": place.arn, "DefaultActions": actions}
        request = fitted(elb, "ModifyListener", given)
        await site.account.call(elb.modify_listener, **request)
    await _read_back(site, place.arn, named)


async def _read_back(site: Site, arn: str, wanted: tuple[Group, ...]) -> None:
    deadline, pause_s = time.monotonic() + _READ_BACK_S, 0.05
    while set(seen := (await read_place(site, arn)).groups) != set(wanted):
        if time.monotonic() > deadline:
            reason = f"asked for {_shown(wanted)}, but the rule says {_shown(seen)}"
            raise ProviderUnavailable(PROVIDER, "change the rule", reason)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def _shown(found: Sequence[Group]) -> str:
    return ", ".join(f"{group_name(one.arn)} {one.weight}" for one in found)


def group_name(arn: str) -> str:
    """Return a target group's name."""
    return arn.split("/")[1] if "/" in arn else arn


async def read_tagged(site: Site, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the tags of target groups by ARN."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(arns), _TAGGED_AT_ONCE):
        batch = list(arns[start : start + _TAGGED_AT_ONCE])
        answer = await site.account.call(site.account.elbv2.describe_tags, ResourceArns=batch)
        for one in answer["TagDescriptions"]:
            found[str(one["ResourceArn"])] = read_tags(one["Tags"])
    return found


async def backend(site: Site, arn: str) -> Backend:
    """Return a target group with its tags."""
    return Backend(arn, (await read_tagged(site, [arn])).get(arn, {}))


async def find_group(site: Site, *, arn: str = "", name: str = "") -> dict[str, Any] | None:
    """Return a target group by its ARN or name, None if it does not exist."""
    wanted = {"TargetGroupArns": [arn]} if arn else {"Names": [name]}
    try:
        answer = await site.account.call(site.account.elbv2.describe_target_groups, **wanted)
    except ProviderRefused as error:
        if is_absent(error):
            return None
        raise
    return cast("dict[str, Any]", answer["TargetGroups"][0]) if answer["TargetGroups"] else None


async def clone_group(site: Site, like: str, name: str, tags: dict[str, str]) -> str:
    """Make a target group like another, with its health check and attributes; return its ARN."""
    elb = site.account.elbv2
    source = await find_group(site, arn=like)
    if source is None:
        raise ProviderRefused(PROVIDER, "clone the target group", f"{like} does not exist")
    found = await find_group(site, name=name)
    if found is None:
        request = fitted(elb, "CreateTargetGroup", source)
        request["Name"] = name
        request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = await site.account.call(elb.create_target_group, **request)
        found = made["TargetGroups"][0]
    arn = str(found["TargetGroupArn"])
    wanted, there = await attributes(site, like), await attributes(site, arn)
    changed = [{"Key": k, "Value": v} for k, v in wanted.items() if there.get(k) != v]
    if changed:
        call = elb.modify_target_group_attributes
        await site.account.call(call, TargetGroupArn=arn, Attributes=changed)
    return arn


async def attributes(site: Site, arn: str) -> dict[str, str]:
    """Return a target group's attributes."""
    call = site.account.elbv2.describe_target_group_attributes
    answer = await site.account.call(call, TargetGroupArn=arn)
    return {str(one["Key"]): str(one["Value"]) for one in answer["Attributes"]}


async def delete_group(site: Site, arn: str) -> None:
    """Delete a target group; gone is fine. Waits a little for a rule that has just let it go."""
    call = site.account.elbv2.delete_target_group
    await letting.delete(lambda: site.account.call(call, TargetGroupArn=arn))


async def health(site: Site, arn: str) -> tuple[int, str]:
    """Return how many targets of a group are healthy, and what the others say."""
    answer = await site.account.call(site.account.elbv2.describe_target_health, TargetGroupArn=arn)
    states = [one["TargetHealth"] for one in answer["TargetHealthDescriptions"]]
    good = [one for one in states if one["State"] == "healthy"]
    others = sorted(
        {
            " ".join(filter(None, [one["State"], one.get("Description") or one.get("Reason", "")]))
            for one in states
            if one["State"] not in {"healthy", "draining"}
        }
    )
    said = f"in its target group: {'; '.join(others)}" if others else ""
    return len(good), said or ("" if good else "no target is registered in its target group")
