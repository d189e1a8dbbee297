"""One resource of an account, as a list of what stands there shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
# What changes by itself, or with each look.
_LIVELY = frozenset(
    {
        "events",
        "deployments",
        "createdAt",
        "registeredAt",
        "registeredBy",
        "runningCount",
        "pendingCount",
        "metadata",
        "taskSets",
        "CreateDate",
        "CreationTime",
        "InstanceCount",
        "RoleLastUsed",
        "ResponseMetadata",
    }
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One resource. says: what it is now, in words. content: its settings as AWS tells them."""

    kind: str
    name: str
    says: str
    tags: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name, which no two things share."""
        return self.kind, self.name


def thing(kind: str, name: str, says: str, told: Json, tags: Iterable[Json] | None) -> Thing:
    """Make one of what AWS tells; tags: as it gives them, however capitalised."""
    pairs = ({key.lower(): value for key, value in tag.items()} for tag in tags or ())
    content = {key: value for key, value in told.items() if key not in _LIVELY}
    return Thing(kind, name, says, {one["key"]: one["value"] for one in pairs}, content)
