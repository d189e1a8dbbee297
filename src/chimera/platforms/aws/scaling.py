"""A service's automatic scaling as another version takes it over. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from chimera.platforms.aws.estate import Version

Json = Mapping[str, Any]
_ONCE = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


@dataclass(frozen=True, slots=True)
class Carried:
    """What goes along, by name, and what does not, in words."""

    policies: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def carriable(policies: Iterable[Json], actions: Iterable[Json], now: datetime) -> Carried:
    """Say what of a service's scaling another version can have."""
    every = tuple(policies)
    return Carried(
        tuple(str(one["PolicyName"]) for one in every if tracks(one)),
        tuple(str(one["ScheduledActionName"]) for one in actions if not is_over(one, now)),
        tuple(
            f"{one['PolicyName']} ({one['PolicyType']}: its alarms name the old service)"
            for one in every
            if not tracks(one)
        ),
    )


def tracks(policy: Json) -> bool:
    """Whether a policy makes its own alarms, so that another service can have it."""
    return bool(policy.get("PolicyType") == "TargetTrackingScaling")


def is_over(action: Json, now: datetime) -> bool:
    """Whether a scheduled action will do nothing any more."""
    end = action.get("EndTime")
    if end is not None and end <= now:
        return True
    once = _ONCE.fullmatch(str(action.get("Schedule", "")))
    if once is None:
        return False
    zone = _zone(str(action.get("Timezone") or ""))
    return datetime.fromisoformat(once[1]).replace(tzinfo=zone) <= now


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError):  # this machine does not know it
        return UTC


def still_to_start(action: Json, now: datetime) -> dict[str, Any]:
    """Return a scheduled action as it can be put now: a start that has passed is refused."""
    start = action.get("StartTime")
    begun = start is not None and start <= now
    return {key: value for key, value in action.items() if not (begun and key == "StartTime")}


def translated(policy: Json, old: Version, new: Version) -> dict[str, Any]:
    """Return a policy in which whatever names the old version names the new one."""
    names = {
        "ServiceName": (old.name, new.name),
        "TaskDefinitionFamily": (old.family, new.family),
        "TargetGroup": (_group(old), _group(new)),
    }
    found: dict[str, Any] = _walked(policy, names)
    return found


def _walked(value: Any, names: Mapping[str, tuple[str, str]]) -> Any:
    if isinstance(value, list):
        return [_walked(part, names) for part in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: _walked(part, names) for key, part in value.items()}
    was, now = names.get(str(found.get("Name")), ("", ""))
    if now and found.get("Value") == was:
        found["Value"] = now
    if found.get("ResourceLabel") and all(names["TargetGroup"]):
        # app/BALANCER/ID/targetgroup/GROUP/ID
        found["ResourceLabel"] = str(found["ResourceLabel"]).replace(*names["TargetGroup"])
    return found


def _group(version: Version) -> str:
    """Return a target group as CloudWatch names it, "" if the version stands behind none."""
    arn, _, group = version.backend.rpartition(":")
    return group if arn else ""
