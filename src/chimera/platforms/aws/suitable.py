"""Whether a load balancer can carry a canary of a service, before anything is made."""

from __future__ import annotations

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws import balancer
from chimera.platforms.aws.arms import Arm
from chimera.platforms.aws.balancer import Place
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.forwards import MOST_GROUPS
from chimera.platforms.aws.places import groups_of, uses_of


async def refuse_unfit(site: Site, stable: Arm, place: Place) -> None:
    """Raise ProviderRefused with the reason and what to do."""
    name, group = str(stable.service["serviceName"]), stable.backend.id
    behind = groups_of(dict(stable.service))
    shown = balancer.group_name(group)
    if group not in behind:
        reason = f"the rule sends its traffic to {shown}, where ECS service '{name}' is not"
        raise _unfit(reason, "check target.service, target.rule and target.listener")
    if len(behind) > 1:
        reason = f"ECS service '{name}' is in {len(behind)} target groups, and one rule steers one"
        raise _unfit(reason, "let it serve through one target group alone")
    if any(one.get("advancedConfiguration") for one in stable.service["loadBalancers"]):
        reason = f"ECS itself shifts the traffic of service '{name}' between target groups"
        raise _unfit(reason, "choose ROLLING as its deployment strategy")
    if len(place.groups) >= MOST_GROUPS:
        reason = f"its rule has {MOST_GROUPS} target groups, which is the most"
        raise _unfit(reason, f"take an idle one out of {place.arn}")
    found = await balancer.find_group(site, arn=group)
    if found is None or found.get("Protocol") not in {"HTTP", "HTTPS"}:
        reason = f"target group {shown} does not speak HTTP"
        raise _unfit(reason, "an Application Load Balancer is needed: it counts requests")
    elsewhere = {use.arn for use in await uses_of(site, [group])} - {place.arn}
    if elsewhere:
        reason = f"target group {shown} gets traffic from {', '.join(sorted(elsewhere))} as well"
        raise _unfit(reason, "give each rule a target group of its own: Chimera steers one of them")


def _unfit(reason: str, hint: str) -> ProviderRefused:
    return ProviderRefused(PROVIDER, "read the load balancer", reason, hint=hint)
