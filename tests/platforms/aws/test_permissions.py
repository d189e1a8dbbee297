"""A permission that is missing is named: before anything is made where IAM tells, else at the call.

The cases are made from the list of permissions. What the list has and no rollout calls fails here,
and so does a call that it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from tests.platforms.aws.test_rollout import PLATFORMS, quiet
from tests.support.aws_story import SOON, Json, Story

from chimera.core.errors import ProviderDenied
from chimera.core.model import Fence, Split
from chimera.platforms.aws.cloudwatch import CloudWatchMetrics
from chimera.platforms.aws.estate import Estate
from chimera.platforms.aws.permissions import ALSO, DEPLOY, actions
from chimera.platforms.aws.policy import Scope, document
from chimera.platforms.aws.preflight import FOR_LATER
from chimera.platforms.aws.readiness import explain
from chimera.platforms.aws.services import describe
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule

EVERY = [(platform, call) for platform in PLATFORMS for call in actions([platform], [DEPLOY])]
# Permissions that have no call of their own: a write that tags, or passes a role, needs them.
ALONG = {permission for more in ALSO.values() for permission in more}
BOTO = {"elasticloadbalancing": "elbv2"}
# What a mesh whose nodes find their tasks in Cloud Map, or a rule on a listener, does not call.
SPARE = {
    "ecs-appmesh": {
        f"servicediscovery:{name}"
        for name in (
            "CreateService",
            "DeleteService",
            "GetNamespace",
            "GetService",
            "ListServices",
            "TagResource",
        )
    },
    "ecs-alb": {"elasticloadbalancing:ModifyListener"},
}
# What `gc` calls all the same; and what asks for a forecast.
SURVEYED = {"servicediscovery:ListServices"}
FORECAST = {"iam:GetRole", "iam:SimulatePrincipalPolicy"}


def without(told: Story, call: str) -> dict[str, Any]:
    """Return the policy that Chimera prints, less one permission."""
    scope = Scope(told.box.account, told.box.options.region, told.stack.cluster, told.stack.mesh)
    policy = document([told.platform.name], [DEPLOY], scope)
    for statement in policy["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != call]
    return policy


@pytest.mark.parametrize(("platform", "call"), EVERY)
async def test_what_iam_foretells_is_refused_before_anything_is_made(
    box: Sandbox, platform: str, call: str
) -> None:
    told = await quiet(box, platform)
    orchestrator = told.platform.orchestrator
    box.permissions.allow_only(without(told, call))
    try:
        if call in SPARE[platform] | FOR_LATER:
            assert await orchestrator.plan(told.service, told.v2)
            said = await told.platform.notes(told.service)
            assert bool(said) is (call == "iam:SimulatePrincipalPolicy")
            return
        for attempt in (
            orchestrator.plan(told.service, told.v2),
            orchestrator.start(told.service, told.v2, None, Fence("r1", 1)),
        ):
            with pytest.raises(ProviderDenied) as refused:
                await attempt
            assert call in f"{refused.value} {refused.value.hint}"
            assert "chimera policy" in refused.value.hint
            assert refused.value.exit_code == 7
    finally:
        box.permissions.allow_only(None)
        await told.platform.close()
    assert not told.writes
    assert await told.inventory.find() == ()


async def test_the_printed_policy_is_enough_to_pass(box: Sandbox) -> None:
    for platform in PLATFORMS:
        told = await quiet(box, platform)
        box.permissions.allow_only(without(told, ""))
        try:
            assert await told.platform.orchestrator.plan(told.service, told.v2)
        finally:
            box.permissions.allow_only(None)
            await told.platform.close()


class Patient:
    """Does each step until it is through, and keeps which permissions it lacked on the way."""

    def __init__(self, told: Story, calls: set[str]) -> None:
        self.told = told
        self.calls = calls
        self.lacked: set[str] = set()
        self.generation = 0
        self.before: Json = {}

    async def step(self, name: str, work: Callable[[Fence], Awaitable[Any]]) -> Any:
        """Do a step again and again; what a start that failed has made is removed each time."""
        for _ in range(60):
            self.generation += 1
            fence = Fence("r1", self.generation)
            try:
                return await work(fence)
            except ProviderDenied as error:
                self.lack(error.hint)
            if name == "start":
                await self.remove()
                self.told.box.faults.set([])
                assert self.told.snapshot() == self.before
                self.deny()
        raise AssertionError(name)

    def deny(self) -> None:
        """Deny each call once that was not denied yet, and every question to IAM."""
        rules = [Rule(fault="denied", service="iam")]
        for call in self.calls - self.lacked:
            service, _, name = call.partition(":")
            service = BOTO.get(service, service)
            rules.append(Rule(fault="denied", service=service, action=name, times=1))
        self.told.box.faults.set(rules)

    async def remove(self) -> None:
        """Remove the canary, as a rollback does."""
        orchestrator, router = self.told.platform.orchestrator, self.told.platform.router
        service, v2 = self.told.service, self.told.v2
        await self.step("drain", lambda fence: router.drain(service, v2, fence, SOON))
        for _ in range(20):
            _, left = await self.step(
                "remove", lambda fence: orchestrator.remove(service, v2, fence)
            )
            if not left:
                return
            for one in left:
                self.lack(str(one.detail["why"]))
        raise AssertionError("remove")

    def lack(self, hint: str) -> None:
        """Note which permission a hint names."""
        assert "chimera policy" in hint
        named = re.search(r"allow (\S+) to this identity", hint)
        assert named, hint
        self.lacked.add(named[1])

    async def roll(self) -> None:
        """Do all that a rollout does, and take it back."""
        told, orchestrator = self.told, self.told.platform.orchestrator
        router, service, v1, v2 = told.platform.router, told.service, told.v1, told.v2
        self.before = told.snapshot()
        self.deny()
        await self.step("start", lambda fence: orchestrator.start(service, v2, None, fence))
        await self.watch()
        half = Split("v1", "v2", 50)
        await self.step("shift", lambda fence: router.set_weights(service, half, fence, SOON))
        await self.step("scale", lambda fence: orchestrator.scale_to_stable(service, v2, fence))
        await self.step("restore", lambda fence: router.restore(service, v1, v2, fence))
        await self.remove()
        told.box.faults.set([])
        assert told.snapshot() == self.before

    async def watch(self) -> None:
        """Do what is done beside the writes: look, draw, explain, survey."""
        platform, service = self.told.platform, self.told.service
        v1, v2 = self.told.v1, self.told.v2
        metrics = cast("CloudWatchMetrics", platform.metrics)

        async def explained(_: Fence) -> None:
            site = await platform._sites.of(service)
            version = await Estate(self.told.inventory).version(service, "v2")
            assert version is not None
            found = await describe(site, version.name)
            assert found is not None
            await explain(site, version, found)

        await self.step("read", lambda _: metrics.read(service, v1, v2))
        now = datetime.now(UTC)
        window = (now - timedelta(hours=1), now)
        await self.step("graph", lambda _: metrics.graph(service, v1, v2, window=window))
        await self.step("survey", lambda _: platform.survey(service))
        await self.step("explain", explained)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_without_a_forecast_each_denied_call_is_named_and_nothing_stays(
    box: Sandbox, platform: str
) -> None:
    told = await quiet(box, platform)
    calls = set(actions([platform], [DEPLOY])) - ALONG - FORECAST
    patient = Patient(told, calls)
    await patient.roll()
    assert patient.lacked == calls - (SPARE[platform] - SURVEYED)
    assert await told.inventory.find() == ()
    await told.platform.close()
