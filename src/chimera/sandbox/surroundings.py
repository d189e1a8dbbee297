"""What stands around services: automatic scaling, names in Cloud Map, roles, security groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chimera.sandbox.thing import Thing, thing

Json = dict[str, Any]
KINDS = ("scaling target", "cloud map service", "role", "security group")


def things(session: Any) -> Iterator[Thing]:
    """List them."""
    yield from _scaling(session.client("application-autoscaling"))
    yield from _names(session.client("servicediscovery"))
    yield from _roles(session.client("iam"))
    yield from _groups(session.client("ec2"))


def _scaling(scaling: Any) -> Iterator[Thing]:
    mine = {"ServiceNamespace": "ecs"}
    for page in scaling.get_paginator("describe_scalable_targets").paginate(**mine):
        for one in page["ScalableTargets"]:
            which = {**mine, "ResourceId": one["ResourceId"]}
            policies = scaling.describe_scaling_policies(**which)["ScalingPolicies"]
            actions = scaling.describe_scheduled_actions(**which)["ScheduledActions"]
            tags = scaling.list_tags_for_resource(ResourceARN=one["ScalableTargetARN"])["Tags"]
            named = sorted(policy["PolicyName"] for policy in policies)
            by = f", by {', '.join(named)}" if named else ""
            says = f"{one['MinCapacity']} to {one['MaxCapacity']} tasks{by}"
            more = {"policies": [*map(_settings, policies)], "actions": [*map(_settings, actions)]}
            told = {**_settings(one), **more}
            pairs = [{"key": key, "value": value} for key, value in tags.items()]
            yield thing("scaling target", one["ResourceId"].rpartition("/")[2], says, told, pairs)


def _settings(told: Json) -> Json:
    """Leave out the names that AWS gives."""
    given = {"ScalableTargetARN", "PolicyARN", "ScheduledActionARN", "Alarms", "CreationTime"}
    return {key: value for key, value in told.items() if key not in given}


def _names(cloud_map: Any) -> Iterator[Thing]:
    for page in cloud_map.get_paginator("list_services").paginate():
        for one in page["Services"]:
            told = cloud_map.get_service(Id=one["Id"])["Service"]
            tags = cloud_map.list_tags_for_resource(ResourceARN=one["Arn"])["Tags"]
            yield thing("cloud map service", one["Name"], "a name in DNS", told, tags)


def _roles(iam: Any) -> Iterator[Thing]:
    for page in iam.get_paginator("list_roles").paginate():
        for one in page["Roles"]:
            name = one["RoleName"]
            attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            inline = {
                policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
            }
            managed = sorted(policy["PolicyName"] for policy in attached)
            says = f"with {', '.join([*managed, *sorted(inline)]) or 'no policy'}"
            tags = iam.list_role_tags(RoleName=name)["Tags"]
            yield thing("role", name, says, {**one, "managed": managed, "inline": inline}, tags)


def _groups(ec2: Any) -> Iterator[Thing]:
    for page in ec2.get_paginator("describe_security_groups").paginate():
        for one in page["SecurityGroups"]:
            rules = one["IpPermissions"]
            says = "1 rule lets in" if len(rules) == 1 else f"{len(rules)} rules let in"
            name = f"{one['GroupName']} {one['GroupId']}"
            yield thing("security group", name, says, one, one.get("Tags"))
