"""Application Auto Scaling's scheduled actions: kept with their target; no clock acts on them."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

from chimera.sandbox.errors import AwsError
from chimera.sandbox.patches.autoscaling import find_target
from chimera.sandbox.patches.registry import Call, answers, page

Json = dict[str, Any]
_SERVICE = "application-autoscaling"
_SCHEDULE = re.compile(r"(at|rate|cron)\(.+\)")


def _place(call: Call) -> tuple[str, str, str]:
    params = call.params
    names = ("ResourceId", "ScalableDimension", "ScheduledActionName")
    resource, dimension, name = (str(params[one]) for one in names)
    return resource, dimension, name


@answers(_SERVICE, "PutScheduledAction")
def put_action(call: Call) -> Json:
    """Make or replace a scheduled action of a registered target."""
    find_target(call)
    params, place = call.params, _place(call)
    if not _SCHEDULE.fullmatch(str(params.get("Schedule", ""))):
        raise AwsError("ValidationException", "Schedule must be an at, rate or cron expression.")
    start = params.get("StartTime")
    if start is not None and start.timestamp() <= time.time():
        raise AwsError("ValidationException", "StartTime must be in the future.")
    arn = f"scheduledAction:{uuid4()}:resource/ecs/{place[0]}:scheduledActionName/{place[2]}"
    found = call.state.scaling.actions.get(place, {})
    record = {"ScheduledActionARN": call.arn(arn), "CreationTime": time.time(), **found, **params}
    call.state.scaling.actions[place] = record
    return {}


@answers(_SERVICE, "DescribeScheduledActions")
def describe_actions(call: Call) -> Json:
    """Describe the scheduled actions of one resource, or of all."""
    wanted = call.params.get("ResourceId")
    kept = sorted(call.state.scaling.actions.items())
    found = [one for (name, _, _), one in kept if not wanted or name == wanted]
    return page(call, found, into="ScheduledActions", size=50)


@answers(_SERVICE, "DeleteScheduledAction")
def delete_action(call: Call) -> Json:
    """Delete one scheduled action."""
    place = _place(call)
    if call.state.scaling.actions.pop(place, None) is None:
        raise AwsError("ObjectNotFoundException", f"No scheduled action found for {place[2]}")
    return {}
