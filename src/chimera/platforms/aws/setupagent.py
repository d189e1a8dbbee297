"""The agent of a cluster's preparation: its task definition and the ECS service that runs it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from chimera.core.errors import ProviderUnavailable
from chimera.core.model import Change
from chimera.platforms.aws import definitions
from chimera.platforms.aws.agent import TAG, Agent
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.naming import read_tags, token
from chimera.platforms.aws.session import Account
from chimera.platforms.aws.setupparts import ENDS_WITHIN_S, Group, Network, refuse_foreign

_COST = "about 9 USD a month: one task of 0.25 vCPU and 0.5 GB"


@dataclass(frozen=True, slots=True)
class Definition:
    """The agent's task definition. unread: what it will not read as it is, one sentence each."""

    account: Account
    agent: Agent
    unread: tuple[str, ...] = ()

    @property
    def making(self) -> Change:
        """Name the write."""
        why = f"publishes Envoy's requests to {self.agent.namespace}"
        if self.unread:
            why = f"{why}; NOT those of {'; '.join(self.unread)}"
        name = f"task definition {self.agent.name}"
        return Change("+", name, why, "ecs:RegisterTaskDefinition")

    @property
    def removing(self) -> Change:
        """Name the write."""
        name = f"task definition {self.agent.name}"
        return Change("-", name, "made by setup", "ecs:DeregisterTaskDefinition")

    async def revisions(self, status: str = "ACTIVE") -> list[str]:
        """Return the ARNs of its revisions, newest first."""
        return await definitions.revisions(self.account, self.agent.name, status)

    async def exists(self) -> bool:
        """Whether its newest revision says what it must."""
        found = await self.revisions()
        if not found:
            return False
        answer = await self.account.call(
            self.account.ecs.describe_task_definition, taskDefinition=found[0]
        )
        return self.agent.defined_alike(answer["taskDefinition"])

    async def remains(self) -> bool:
        """Whether any revision is there: an inactive one waits to be deleted."""
        return bool(await self.revisions() or await self.revisions("INACTIVE"))

    async def make(self) -> None:
        """Register it; new roles may take a while to be known everywhere."""
        request = self.agent.definition()
        await self.account.call(self.account.ecs.register_task_definition, **request)

    async def remove(self) -> None:
        """Deregister and delete every revision."""
        for arn in await self.revisions():
            await self.account.call(self.account.ecs.deregister_task_definition, taskDefinition=arn)
        for arn in await self.revisions("INACTIVE"):
            await definitions.delete(self.account, [arn])


@dataclass(frozen=True, slots=True)
class Serving:
    """The ECS service that keeps one agent running."""

    account: Account
    agent: Agent
    network: Network
    group: Group

    @property
    def making(self) -> Change:
        """Name the write."""
        name, why = f"ecs service {self.agent.name}", "keeps one agent running"
        return Change("+", name, why, "ecs:CreateService", _COST)

    @property
    def removing(self) -> Change:
        """Name the write."""
        return Change("-", f"ecs service {self.agent.name}", "made by setup", "ecs:DeleteService")

    async def _find(self) -> dict[str, Any] | None:
        answer = await self.account.call(
            self.account.ecs.describe_services,
            cluster=self.agent.cluster,
            services=[self.agent.name],
            include=["TAGS"],
        )
        found: list[dict[str, Any]] = [s for s in answer["services"] if s["status"] == "ACTIVE"]
        if found:
            refuse_foreign(f"ECS service {self.agent.name}", read_tags(found[0].get("tags")))
        return found[0] if found else None

    async def exists(self) -> bool:
        """Whether it runs the newest task definition."""
        found = await self._find()
        revisions = await Definition(self.account, self.agent).revisions()
        return bool(
            found
            and revisions
            and found["taskDefinition"] == revisions[0]
            and found["desiredCount"] == 1
            and await Definition(self.account, self.agent).exists()
        )

    async def remains(self) -> bool:
        """Whether it is there."""
        return await self._find() is not None

    async def make(self) -> None:
        """Create it, or bring it to the newest task definition."""
        ecs, name = self.account.ecs, self.agent.name
        where = {"cluster": self.agent.cluster, "taskDefinition": name, "desiredCount": 1}
        if await self._find() is not None:
            await self.account.call(ecs.update_service, service=name, **where)
            return
        inside = {
            "subnets": list(self.network.subnets),
            "securityGroups": [await self.group.find()],
            "assignPublicIp": self.network.public,
        }
        await self.account.call(
            ecs.create_service,
            **where,
            serviceName=name,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": inside},
            clientToken=token("setup", name, str(time.time_ns())),
            tags=[{"key": TAG, "value": self.agent.cluster}],
        )

    async def remove(self) -> None:
        """Delete it and wait until its task has ended."""
        ecs, name = self.account.ecs, self.agent.name
        where = {"cluster": self.agent.cluster}
        await self.account.call(ecs.delete_service, service=name, force=True, **where)
        deadline = time.monotonic() + ENDS_WITHIN_S
        while True:
            answer = await self.account.call(ecs.list_tasks, family=name, **where)
            if not answer["taskArns"]:
                return
            if time.monotonic() > deadline:
                reason = f"its task has not ended within {ENDS_WITHIN_S:.0f} s"
                raise ProviderUnavailable(PROVIDER, f"remove ECS service {name}", reason)
            await asyncio.sleep(0.5)
