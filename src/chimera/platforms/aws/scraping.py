"""What lets the CloudWatch agent read an Envoy: labels, a name that it takes, an open port."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chimera.core.errors import ProviderDenied
from chimera.platforms.aws.agent import PORT
from chimera.platforms.aws.containers import envoy_of
from chimera.platforms.aws.session import Account
from chimera.platforms.aws.sidecar import LABELS

Json = Mapping[str, Any]


def unlabelled(definition: Json) -> str:
    """Say what a task definition's Envoy lacks for the agent to find it, "" if nothing."""
    name = envoy_of(definition)
    if not name:
        return "it has no Envoy that counts its requests"
    labels = _container(definition, name).get("dockerLabels") or {}
    missing = [f"{key}={value}" for key, value in LABELS.items() if not labels.get(key)]
    if not missing:
        return ""
    return f"its container '{name}' lacks the docker labels {' and '.join(missing)}"


def unmatched(agent: Json, definition: Json) -> str:
    """Say which name the agent's configuration wants the Envoy to have, "" if it takes this one."""
    name, patterns = envoy_of(definition), list(_matchers(agent))
    if not name or not patterns or any(re.search(one, name) for one in patterns):
        return ""
    return f"it reads containers called {' or '.join(patterns)}, and the Envoy is '{name}'"


def _matchers(agent: Json) -> Iterator[str]:
    """Return the names of containers that an agent's task definition declares metrics of."""
    for declaration in _declarations(agent):
        if declaration.get("source_labels") != ["container_name"]:
            yield ""
        else:
            yield str(declaration.get("label_matcher", ""))


def _declarations(agent: Json) -> list[Json]:
    for container in agent.get("containerDefinitions") or ():
        for variable in container.get("environment") or ():
            if variable.get("name") == "CW_CONFIG_CONTENT":
                try:
                    config = json.loads(str(variable.get("value", "")))
                    prometheus = config["logs"]["metrics_collected"]["prometheus"]
                    return list(prometheus["emf_processor"]["metric_declaration"])
                except (ValueError, KeyError, TypeError):
                    return []
    return []


def _container(definition: Json, name: str) -> Json:
    return next(one for one in definition["containerDefinitions"] if one["name"] == name)


def groups_of(service: Json) -> tuple[str, ...]:
    """Return the security groups of an ECS service's tasks, none if they share an instance's."""
    inside = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    return tuple(map(str, inside.get("securityGroups") or ()))


async def shut(account: Account, agent: Json, service: Json) -> bool:
    """Whether no security group of an ECS service lets the agent in; False where nobody can tell.

    agent, service: as DescribeServices tells them.
    """
    theirs, mine = groups_of(agent), groups_of(service)
    if not theirs or not mine:
        return False
    try:
        answer = await account.call(account.ec2.describe_security_groups, GroupIds=list(mine))
    except ProviderDenied:
        return False
    rules = [rule for one in answer["SecurityGroups"] for rule in one["IpPermissions"]]
    return not any(_opens(rule, theirs) for rule in rules)


def _opens(rule: Json, groups: Iterable[str]) -> bool:
    """Whether a rule opens the port to a group, or to addresses, among which it may be."""
    if rule["IpProtocol"] not in {"tcp", "-1"}:
        return False
    if not int(rule.get("FromPort", 0)) <= PORT <= int(rule.get("ToPort", 65535)):
        return False
    named = {str(pair.get("GroupId")) for pair in rule.get("UserIdGroupPairs") or ()}
    ranges = (rule.get(key) for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds"))
    return bool(named & set(groups)) or any(ranges)
