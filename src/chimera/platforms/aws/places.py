"""Finding the listener or rule that sends a service its traffic, where the operator names none."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chimera.core.errors import ProviderDenied, ProviderRefused
from chimera.platforms.aws import services
from chimera.platforms.aws.balancer import options
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.forwards import groups
from chimera.platforms.aws.naming import SERVICE, read_tags

log = logging.getLogger(__name__)

GROUP = "elb-target-group"


@dataclass(frozen=True, slots=True)
class Use:
    """A listener or rule that forwards to a target group."""

    arn: str
    group: str


class Places:
    """Where the weights of each service are; found once, and again when that is gone."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: dict[tuple[str, str, str], str] = {}

    async def of(self, site: Site) -> str:
        """Return the ARN of the listener or rule; ProviderRefused if it cannot be told."""
        if pinned := _pinned(site):
            return pinned
        key = _key(site)
        if key not in self._known:
            self._known[key] = await self._recorded(site) or await self._found(site)
        return self._known[key]

    async def anew(self, site: Site, gone: str) -> str:
        """Return what has taken the place of a listener or rule that is gone, "" if nothing has."""
        if _pinned(site):
            return ""
        try:
            found = await self._found(site)
        except ProviderDenied:
            raise
        except ProviderRefused as error:
            log.warning("aws.rule_gone", extra={"rule": gone, "reason": str(error)})
            return ""
        self._known[_key(site)] = found
        return found if found != gone else ""

    async def _recorded(self, site: Site) -> str:
        found = await self._estate.inventory.find(service=site.service.name, kind=GROUP)
        return str(found[-1].detail.get("place", "")) if found else ""

    async def _found(self, site: Site) -> str:
        behind = await self._groups(site)
        if not behind:
            name = site.target.service
            if await services.describe(site, name) is None:
                reason = await services.absent(site, name)
                hint = "check target.cluster, target.service and target.region"
                raise ProviderRefused(PROVIDER, "find the rule", reason, hint=hint)
            reason = f"ECS service '{name}' is behind no target group of a load balancer"
            hint = "attach it to one, or steer it by App Mesh: platform ecs-appmesh"
            raise ProviderRefused(PROVIDER, "find the rule", reason, hint=hint)
        uses = sorted({use.arn for use in await uses_of(site, behind)})
        if not uses:
            reason = f"no listener and no rule forwards to {', '.join(behind)}"
            hint = "forward to it from a listener or a rule"
            raise ProviderRefused(PROVIDER, "find the rule", reason, hint=hint)
        if len(uses) > 1:
            reason = f"several listeners or rules forward to it: {', '.join(uses)}"
            raise ProviderRefused(
                PROVIDER, "find the rule", reason, hint="say which in target.rule"
            )
        return uses[0]

    async def _groups(self, site: Site) -> tuple[str, ...]:
        """Return the target groups of the service: under its own name, or tagged by us."""
        found = await services.describe(site, site.target.service)
        if found is not None:
            return groups_of(found)
        tagged = (
            one
            for one in await services.listed(site.account, site.target.cluster)
            if read_tags(one.get("tags")).get(SERVICE) == site.service.name
            and one["status"] == "ACTIVE"
        )
        return tuple(arn for one in tagged for arn in groups_of(one))


def _pinned(site: Site) -> str:
    """Return the listener or rule that the operator names, "" if none."""
    return options(site).rule or options(site).listener


def _key(site: Site) -> tuple[str, str, str]:
    return site.account.region, site.target.cluster, site.service.name


def groups_of(service: dict[str, Any]) -> tuple[str, ...]:
    """Return the target groups that an ECS service registers its tasks in."""
    behind = service.get("loadBalancers") or ()
    return tuple(str(one["targetGroupArn"]) for one in behind if one.get("targetGroupArn"))


async def uses_of(site: Site, wanted: Iterable[str]) -> tuple[Use, ...]:
    """Return every listener and rule that forwards to one of these target groups."""
    names, elb = list(wanted), site.account.elbv2
    described = await site.account.call(elb.describe_target_groups, TargetGroupArns=names)
    balancers = {arn for one in described["TargetGroups"] for arn in one["LoadBalancerArns"]}
    found: list[Use] = []
    for balancer in sorted(balancers):
        listeners = await site.account.pages(
            elb.describe_listeners, "Listeners", LoadBalancerArn=balancer
        )
        for listener in listeners:
            arn = str(listener["ListenerArn"])
            found += _uses(arn, listener.get("DefaultActions") or (), names)
            rules = await site.account.pages(elb.describe_rules, "Rules", ListenerArn=arn)
            for rule in rules:
                if not rule.get("IsDefault"):
                    found += _uses(str(rule["RuleArn"]), rule["Actions"], names)
    return tuple(found)


def _uses(arn: str, actions: Any, names: list[str]) -> list[Use]:
    return [Use(arn, group.arn) for group in groups(actions) if group.arn in names]
