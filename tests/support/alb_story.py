"""A rollout behind a load balancer, step by step, that goes on after whatever befalls a step."""

from __future__ import annotations

import json

from tests.support.alb import alb_service, group_names, rule_actions
from tests.support.aws_story import Json, Story

from chimera.core.model import Service
from chimera.platforms.aws.albplatform import EcsAlbPlatform


class AlbStory(Story):
    """One service behind a load balancer."""

    kinds = ("elb-target-group",)

    def make_service(self) -> Service:
        """Return the stack's service as Chimera knows it."""
        return alb_service(self.box, self.stack)

    def make_platform(self) -> EcsAlbPlatform:
        """Return a controller's platform, with no memory but the inventory."""
        return EcsAlbPlatform(self.inventory, "")

    def steering(self) -> Json:
        """Return the stack's rule, and its target groups with their attributes."""
        elb = self.box.session().client("elbv2")
        groups = {}
        for name in sorted(group_names(self.box, self.stack)):
            arn = elb.describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"]
            found = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
            groups[name] = {one["Key"]: one["Value"] for one in found}
        return {"groups": groups, "rule": rule_actions(self.box, self.stack)}

    def stick(self, seconds: int) -> None:
        """Make users stay with their group, as the operator would."""
        actions = rule_actions(self.box, self.stack)
        config = {"Enabled": True, "DurationSeconds": seconds}
        actions[0]["ForwardConfig"]["TargetGroupStickinessConfig"] = config
        self.box.session().client("elbv2").modify_rule(RuleArn=self.stack.rule, Actions=actions)

    def swapped(self, before: Json, name: str) -> Json:
        """Return a rule with one group in the place of another, all else as it was."""
        session = self.box.session()
        found = session.client("ecs").describe_services(cluster=self.stack.cluster, services=[name])
        group = str(found["services"][0]["loadBalancers"][0]["targetGroupArn"])
        old = self.stack.target_group
        text = json.dumps(before["rule"]).replace(old, group)
        groups = {_name(group): before["groups"][_name(old)], **before["groups"]}
        del groups[_name(old)]
        return {"groups": groups, "rule": json.loads(text)}


def _name(group: str) -> str:
    return group.split("/")[1]
