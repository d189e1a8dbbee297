"""The load balancers of an account: listeners and rules, and the target groups they forward to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.forwards import MOST_GROUPS, groups
from chimera.platforms.aws.places import groups_of
from chimera.platforms.aws.survey import Survey

_HTTP = {"HTTP", "HTTPS"}


class Balancers:
    """What was found of Elastic Load Balancing; services are judged by it."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        # Target group -> the listeners and rules that forward to it, with why they cannot be used.
        self._places: dict[str, dict[str, str]] = {}
        self._protocols: dict[str, str] = {}

    async def look(self) -> None:
        """Note every load balancer with its listeners and rules, then the target groups."""
        elb = self._survey.account.elbv2
        listed = await self._survey.pages(
            "load balancer", elb.describe_load_balancers, "LoadBalancers"
        )
        for one in listed:
            await self._balancer(one)
        for one in await self._survey.pages(
            "target group", elb.describe_target_groups, "TargetGroups"
        ):
            arn, protocol = str(one["TargetGroupArn"]), str(one.get("Protocol", ""))
            self._protocols[arn] = protocol
            why = "" if arn in self._places else "no listener and no rule forwards to it"
            if protocol not in _HTTP:
                why = f"it speaks {protocol or 'to a Lambda function'}, not HTTP"
            vpc = str(one.get("VpcId", ""))
            self._survey.add("target group", str(one["TargetGroupName"]), vpc, why)

    async def _balancer(self, one: Mapping[str, Any]) -> None:
        elb, name, kind = self._survey.account.elbv2, str(one["LoadBalancerName"]), str(one["Type"])
        why = "" if kind == "application" else f"it is a {kind} load balancer, which has no weights"
        hint = "an Application Load Balancer is needed" if why else ""
        state = str((one.get("State") or {}).get("Code", "active"))
        if not why and state not in {"active", "active_impaired"}:
            why, hint = f"it is {state}", "wait, or see why in the AWS console"
        listeners = await self._survey.pages(
            "listener", elb.describe_listeners, "Listeners", LoadBalancerArn=one["LoadBalancerArn"]
        )
        if not why and not listeners and not self._survey.hidden("listener"):
            why, hint = "it has no listeners", "add one that forwards to the service"
        facts = {"address": str(one.get("DNSName", ""))}
        self._survey.add("load balancer", name, str(one["VpcId"]), why, hint=hint, facts=facts)
        if why:
            return
        for listener in listeners:
            arn, port = str(listener["ListenerArn"]), str(listener.get("Port", ""))
            facts = {"port": port, "protocol": str(listener.get("Protocol", ""))}
            self._place("listener", arn, name, listener.get("DefaultActions") or (), facts)
            rules = await self._survey.pages("rule", elb.describe_rules, "Rules", ListenerArn=arn)
            for rule in rules:
                if not rule.get("IsDefault"):
                    facts = {"port": port, "priority": str(rule["Priority"])}
                    self._place("rule", str(rule["RuleArn"]), name, rule["Actions"], facts)

    def _place(
        self, kind: str, arn: str, inside: str, actions: Sequence[Any], facts: Mapping[str, str]
    ) -> None:
        named, why, hint = groups(actions), "", ""
        if not named:
            why = "it forwards to no target group"
        elif len([group for group in named if group.weight]) > 1:
            why, hint = "its traffic is divided already", "leave one target group a weight"
        elif len(named) >= MOST_GROUPS:
            why, hint = f"it has {MOST_GROUPS} target groups, which is the most", "take one out"
        self._survey.add(kind, arn, inside, why, hint=hint, facts=facts)
        for group in named:
            self._places.setdefault(group.arn, {})[arn] = why

    def settings(self, service: Mapping[str, Any]) -> dict[str, str]:
        """Return the rule or listener of an ECS service; ProviderRefused if it is not clear."""
        behind = groups_of(dict(service))
        if len(behind) != 1:
            reason = f"it is in {len(behind)} target groups, and one is needed"
            raise _unclear(reason, "let it serve through one target group alone")
        if self._protocols.get(behind[0], "HTTP") not in _HTTP:
            reason = f"its target group speaks {self._protocols[behind[0]]}, not HTTP"
            raise _unclear(reason, "an Application Load Balancer is needed: it counts requests")
        places = self._places.get(behind[0], {})
        if len(places) != 1:
            reason = f"{len(places)} listeners and rules forward to it, and one must"
            raise _unclear(reason, "give each rule a target group of its own")
        ((arn, why),) = places.items()
        if why:
            raise _unclear(f"its rule cannot be steered: {why}", "see the rule in this list")
        return {"rule" if ":listener-rule/" in arn else "listener": arn}


def _unclear(reason: str, hint: str) -> ProviderRefused:
    return ProviderRefused(PROVIDER, "discover", reason, hint=hint)
