"""The parts of a cluster's preparation: each is looked at, made, and taken away again."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Protocol

from chimera.core.errors import ProviderRefused
from chimera.core.model import Change
from chimera.platforms.aws.agent import INLINE, PORT, TAG, TRUST, Agent
from chimera.platforms.aws.errors import PROVIDER, caused_by, is_absent
from chimera.platforms.aws.naming import read_tags
from chimera.platforms.aws.session import Account

ENDS_WITHIN_S = 120.0


class Part(Protocol):
    """One thing of the preparation."""

    @property
    def making(self) -> Change:
        """What `make` does, for the plan."""

    @property
    def removing(self) -> Change:
        """What `remove` does, for the plan."""

    async def exists(self) -> bool:
        """Whether it is there as it must be."""

    async def remains(self) -> bool:
        """Whether anything of it is there."""

    async def make(self) -> None:
        """Make it, or complete it."""

    async def remove(self) -> None:
        """Take it away."""


@dataclass(frozen=True, slots=True)
class Network:
    """Where a cluster's tasks run: their VPC, subnets and security groups; all empty if nowhere."""

    vpc: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    public: str


NOWHERE = Network("", (), (), "DISABLED")


@dataclass(frozen=True, slots=True)
class Group:
    """The agent's own security group: nothing may come in."""

    account: Account
    agent: Agent
    network: Network

    @property
    def making(self) -> Change:
        """Name the write."""
        why = f"of the agent in {self.network.vpc}; nothing may come in"
        return Change("+", f"security group {self.agent.name}", why, "ec2:CreateSecurityGroup")

    @property
    def removing(self) -> Change:
        """Name the write."""
        name = f"security group {self.agent.name}"
        return Change("-", name, "made by setup", "ec2:DeleteSecurityGroup")

    async def find(self) -> str:
        """Return its id, "" if there is none; one of that name that is not ours is refused."""
        filters = [{"Name": "group-name", "Values": [self.agent.name]}]
        if self.network.vpc:
            filters.append({"Name": "vpc-id", "Values": [self.network.vpc]})
        answer = await self.account.call(self.account.ec2.describe_security_groups, Filters=filters)
        for one in answer["SecurityGroups"]:
            refuse_foreign(f"security group {self.agent.name}", read_tags(one.get("Tags")))
            return str(one["GroupId"])
        return ""

    async def exists(self) -> bool:
        """Whether it is there."""
        return bool(await self.find())

    async def remains(self) -> bool:
        """Whether it is there."""
        return bool(await self.find())

    async def make(self) -> None:
        """Create it."""
        await self.account.call(
            self.account.ec2.create_security_group,
            GroupName=self.agent.name,
            Description=f"Chimera's metrics agent of cluster {self.agent.cluster}",
            VpcId=self.network.vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tags_of(self.agent)}],
        )

    async def remove(self) -> None:
        """Delete it; the network interfaces of the agent's task may take a while to go."""
        group = await self.find()
        deadline = time.monotonic() + ENDS_WITHIN_S
        while group:
            try:
                await self.account.call(self.account.ec2.delete_security_group, GroupId=group)
            except ProviderRefused as error:
                if not caused_by(error, "DependencyViolation") or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(2.0)
                continue
            return


@dataclass(frozen=True, slots=True)
class Rules:
    """The port of the Envoys' metrics in the cluster's groups, for the agent's group alone."""

    account: Account
    agent: Agent
    network: Network
    group: Group

    @property
    def making(self) -> Change:
        """Name the write."""
        groups = ", ".join(self.network.groups)
        why = f"port {PORT} in {groups} for {self.agent.name} alone"
        permission = "ec2:AuthorizeSecurityGroupIngress"
        return Change("~", "security groups of the cluster", why, permission)

    @property
    def removing(self) -> Change:
        """Name the write."""
        why = f"port {PORT} closed again for {self.agent.name}"
        permission = "ec2:RevokeSecurityGroupIngress"
        return Change("~", "security groups of the cluster", why, permission)

    async def exists(self) -> bool:
        """Whether every group of the cluster lets the agent in."""
        return set(self.network.groups) <= set(await self._open())

    async def remains(self) -> bool:
        """Whether any group lets the agent in."""
        return bool(await self._open())

    async def make(self) -> None:
        """Open the port where it is not open."""
        source = await self.group.find()
        there = await self._open()
        for group in (one for one in self.network.groups if one not in there):
            permission = self._permission(source)
            await self.account.call(
                self.account.ec2.authorize_security_group_ingress,
                GroupId=group,
                IpPermissions=[permission],
            )

    async def remove(self) -> None:
        """Close the port where it is open for the agent."""
        source = await self.group.find()
        for group in await self._open():
            await self.account.call(
                self.account.ec2.revoke_security_group_ingress,
                GroupId=group,
                IpPermissions=[self._permission(source)],
            )

    def _permission(self, source: str) -> Any:
        pair = {"GroupId": source, "Description": "Chimera's metrics agent"}
        return {
            "IpProtocol": "tcp",
            "FromPort": PORT,
            "ToPort": PORT,
            "UserIdGroupPairs": [pair],
        }

    async def _open(self) -> list[str]:
        """Return the groups that let the agent in, also those whose service has gone."""
        source = await self.group.find()
        if not source:
            return []
        found = await self.account.pages(
            self.account.ec2.describe_security_groups,
            "SecurityGroups",
            Filters=[{"Name": "ip-permission.group-id", "Values": [source]}],
        )
        return [
            str(one["GroupId"])
            for one in found
            if any(
                permission.get("FromPort") == PORT
                and any(pair.get("GroupId") == source for pair in permission["UserIdGroupPairs"])
                for permission in one["IpPermissions"]
            )
        ]


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the agent with one of AWS's policies, and perhaps one of its own."""

    account: Account
    agent: Agent
    name: str
    managed: str
    inline: dict[str, Any] | None

    @property
    def making(self) -> Change:
        """Name the write."""
        why = f"with {self.managed.rpartition('/')[2]}"
        why += f" and the policy {INLINE}, for this cluster alone" if self.inline else ""
        return Change("+", f"role {self.name}", why, "iam:CreateRole")

    @property
    def removing(self) -> Change:
        """Name the write."""
        return Change("-", f"role {self.name}", "made by setup", "iam:DeleteRole")

    async def exists(self) -> bool:
        """Whether it is there with its policies."""
        if not await self.remains():
            return False
        policies, inline = await self._policies()
        return self.managed in policies and (not self.inline or INLINE in inline)

    async def remains(self) -> bool:
        """Whether it is there; one of that name that is not ours is refused."""
        iam = self.account.iam
        try:
            answer = await self.account.call(iam.get_role, RoleName=self.name)
        except ProviderRefused as error:
            if is_absent(error):
                return False
            raise
        refuse_foreign(f"role {self.name}", read_tags(answer["Role"].get("Tags")))
        return True

    async def make(self) -> None:
        """Create it and give it its policies."""
        iam, call = self.account.iam, self.account.call
        if not await self.remains():
            tags = tags_of(self.agent)
            await call(
                iam.create_role, RoleName=self.name, AssumeRolePolicyDocument=TRUST, Tags=tags
            )
        await call(iam.attach_role_policy, RoleName=self.name, PolicyArn=self.managed)
        if self.inline:
            await call(
                iam.put_role_policy,
                RoleName=self.name,
                PolicyName=INLINE,
                PolicyDocument=json.dumps(self.inline),
            )

    async def remove(self) -> None:
        """Take its policies away and delete it."""
        iam, call = self.account.iam, self.account.call
        policies, inline = await self._policies()
        if self.managed in policies:
            await call(iam.detach_role_policy, RoleName=self.name, PolicyArn=self.managed)
        if INLINE in inline:
            await call(iam.delete_role_policy, RoleName=self.name, PolicyName=INLINE)
        await call(iam.delete_role, RoleName=self.name)

    async def _policies(self) -> tuple[set[str], set[str]]:
        iam, call = self.account.iam, self.account.call
        attached = await call(iam.list_attached_role_policies, RoleName=self.name)
        inline = await call(iam.list_role_policies, RoleName=self.name)
        managed = {str(one["PolicyArn"]) for one in attached["AttachedPolicies"]}
        return managed, set(map(str, inline["PolicyNames"]))


def tags_of(agent: Agent) -> Any:
    """Return the tag of what the setup makes, as EC2 and IAM take it."""
    return [{"Key": TAG, "Value": agent.cluster}]


def refuse_foreign(what: str, tags: dict[str, str]) -> None:
    """Raise ProviderRefused for what bears one of our names without our tag."""
    if TAG not in tags:
        hint = "rename or remove it: chimera setup touches only what it has made"
        reason = f"{what} exists, and was not made by chimera setup"
        raise ProviderRefused(PROVIDER, "set up", reason, hint=hint)
