"""Who answers which action: (service, action) -> a function from a call to its output."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chimera.sandbox.errors import AwsError
from chimera.sandbox.world import CloudMap, Ecs, Mesh, Region, World

Json = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One request: its service and action in AWS's names, where it goes, and what it asks.

    `state` is the region it sees, which a stale read sees as it was; `moto` hands the call on to
    moto and returns moto's answer as it came: status, headers, body.
    """

    service: str
    action: str
    region: str
    params: Json
    world: World
    state: Region
    moto: Callable[[], tuple[int, list[tuple[str, str]], bytes]]
    principal: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def ecs(self) -> Ecs:
        """What ECS has in this region."""
        return self.state.ecs

    @property
    def mesh(self) -> Mesh:
        """What App Mesh has in this region."""
        return self.state.mesh

    @property
    def cloudmap(self) -> CloudMap:
        """What Cloud Map has in this region."""
        return self.state.cloudmap

    def arn(self, rest: str, service: str = "") -> str:
        """Build a name in this call's region and service."""
        return self.world.arn(service or self.service, self.region, rest)


class PassOn(Exception):
    """Raised by an answer that has checked a call and leaves the rest to moto."""


Answer = Callable[[Call], Json]
ANSWERS: dict[tuple[str, str], Answer] = {}
# Services of which every action is answered here: what is missing is refused, not left to moto.
WHOLE = {"ecs", "appmesh", "application-autoscaling", "servicediscovery", "cloudwatch"}


def answers(service: str, *actions: str) -> Callable[[Answer], Answer]:
    """Let a function answer these actions of a service."""

    def register(function: Answer) -> Answer:
        for action in actions:
            ANSWERS[service, action] = function
        return function

    return register


def page(call: Call, items: Sequence[Any], *, into: str, size: int = 100) -> Json:
    """Cut a list as the call's limit and token say; `into` names the list in the output."""
    params = call.params
    limit = int(params.get("maxResults") or params.get("MaxResults") or params.get("limit") or size)
    token = params.get("nextToken") or params.get("NextToken")
    try:
        start = int(base64.b64decode(token)) if token else 0
    except ValueError:
        raise AwsError("InvalidParameterException", "The token is invalid.") from None
    output: Json = {into: list(items[start : start + limit])}
    if start + limit < len(items):
        name = "NextToken" if into[0].isupper() else "nextToken"
        output[name] = base64.b64encode(str(start + limit).encode()).decode()
    return output


def merged_tags(old: Sequence[Json], new: Sequence[Json], key: str = "key") -> list[Json]:
    """Return tags with the new ones in place of those of the same key."""
    tags = {tag[key]: tag for tag in (*old, *new)}
    return list(tags.values())
