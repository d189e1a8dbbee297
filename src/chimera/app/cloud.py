"""What can be asked of AWS before there is a rollout: for the command line, the API and the wizard.

    async with Cloud() as cloud:
        await cloud.connect(identity)                     who am I, and where
        await cloud.permissions(identity, platform)       what I may not do
        await cloud.discover(identity, platform)          where it runs, with reasons
        await cloud.facts(identity, platform, settings)   one service: traffic, image, checks
        await cloud.versions(identity, image)             which new versions there are
        cloud_spec(platform, chosen, found, ...)          app.cloudspec: the spec's text
        chimera.plan(chimera.parse_spec(text), ...)       what would be done

Everything here only reads, but `Setup.apply` and `Setup.remove`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from chimera.core.errors import SpecError
from chimera.core.model import Service
from chimera.platforms.aws.found import Found, ImageTag, Prospects, ServiceFacts, Traffic
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.permissions import ALB, DEPLOY, MESH, PLATFORMS, PURPOSES
from chimera.ports.platform import Check

if TYPE_CHECKING:
    from chimera.platforms.aws.setup import Setup

__all__ = [
    "ALB",
    "DEPLOY",
    "MESH",
    "PLATFORMS",
    "PURPOSES",
    "Check",
    "Cloud",
    "Connection",
    "Found",
    "Identity",
    "ImageTag",
    "Missing",
    "Prospects",
    "ServiceFacts",
    "Traffic",
    "in_region",
    "policy_document",
    "settings_of",
]


@dataclass(frozen=True, slots=True)
class Connection:
    """Who calls are made as. source: of the credentials, in botocore's words, e.g. "env", "sso".

    endpoint: where calls go instead of AWS, "" if they go to AWS. behind_s: how far this machine's
    clock is behind AWS's, seconds, None if AWS did not say.
    """

    account: str
    arn: str
    region: str
    source: str
    endpoint: str
    behind_s: float | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Which permissions are missing. unknown: why that could not be asked, "" if it could."""

    actions: tuple[str, ...]
    asked: int
    unknown: str = ""


@runtime_checkable
class _OnAws(Protocol):
    """What the platforms on AWS have in common beyond the port."""

    async def facts(self, service: Service) -> ServiceFacts:
        """Return what is to know of a service before a rollout."""


class Cloud:
    """A process's way to AWS; use it as an async context manager, or close it."""

    def __init__(self) -> None:
        from chimera.platforms.aws.session import Accounts
        from chimera.platforms.catalog import Catalog
        from chimera.platforms.memory import MemoryInventory

        self._accounts = Accounts()
        self._catalog = Catalog(MemoryInventory(), "")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the threads."""
        self._accounts.close()
        await self._catalog.close()

    async def connect(self, identity: Identity) -> Connection:
        """Say who we are to AWS; ProviderDenied where the credentials are missing or not valid."""
        account = await self._accounts.open(identity, "sts", "ecs")
        answer = await account.call(account.sts.get_caller_identity)
        return Connection(
            account=str(answer["Account"]),
            arn=str(answer["Arn"]),
            region=account.region,
            source=account.source,
            endpoint=account.endpoint,
            behind_s=account.behind_s,
        )

    async def regions(self, identity: Identity) -> tuple[str, ...]:
        """Return the regions that are enabled for the account, sorted."""
        account = await self._accounts.open(identity, "ec2")
        answer = await account.call(account.ec2.describe_regions)
        return tuple(sorted(str(one["RegionName"]) for one in answer["Regions"]))

    async def permissions(
        self,
        identity: Identity,
        platform: str,
        purposes: Sequence[str] = (DEPLOY,),
        *,
        cluster: str = "",
        mesh: str = "",
    ) -> Missing:
        """Return which permissions are missing for these purposes, as IAM simulates them.

        Without cluster and mesh, what a policy may limit to one of them is not asked about.
        """
        from chimera.platforms.aws.simulation import scope_of, simulate

        account = await self._accounts.open(identity, "sts", "iam", "ecs")
        arn = str((await account.call(account.sts.get_caller_identity))["Arn"])
        scope = scope_of(arn, account.region, cluster, mesh)
        found = await simulate(account, arn, scope, [platform], purposes)
        return Missing(found.missing, found.asked, found.unknown)

    async def discover(
        self,
        identity: Identity,
        platform: str,
        *,
        regions: Sequence[str] = (),
        cluster: str = "",
        brief: bool = False,
    ) -> tuple[Found, ...]:
        """List all that matters to a platform, each with the reason when it cannot be used.

        regions: instead of the identity's own. cluster: only that one's services. brief: without
        networks, repositories and images.
        """
        from chimera.platforms.aws.discovery import discover_all

        return await discover_all(
            self._accounts, identity, platform, regions=regions, cluster=cluster, brief=brief
        )

    async def facts(
        self, identity: Identity, platform: str, settings: Mapping[str, Any], *, name: str = "new"
    ) -> ServiceFacts:
        """Return what is to know of one service before a rollout; its checks say what is wrong.

        settings: as `Found.settings` says, or the target of a spec without `platform`. name: of
        the service in Chimera, where it was deployed before.
        """
        service = Service(name, platform, settings_of(settings, identity))
        return await self._on(platform).facts(service)

    def _on(self, name: str) -> _OnAws:
        platform = self._catalog.get(name)
        if not isinstance(platform, _OnAws):
            hint = f"known: {', '.join(PLATFORMS)}"
            raise SpecError(f"'{name}' is not a platform on AWS", hint=hint)
        return platform

    async def versions(
        self, identity: Identity, image: str, most: int = 20
    ) -> tuple[ImageTag, ...]:
        """Return the newest tags in an image's repository, each resolved to its digest.

        ProviderRefused where they cannot be listed, such as outside ECR.
        """
        from chimera.platforms.aws.images import newest

        account = await self._accounts.open(identity, "ecr")
        return await newest(account, image, most)

    async def setup(
        self, identity: Identity, cluster: str, *, namespace: str = "", image: str = ""
    ) -> Setup:
        """Look at a cluster's one-time preparation for ecs-appmesh: `plan`, `apply`, `remove`."""
        from chimera.platforms.aws.setup import prepare

        return await prepare(self._accounts, identity, cluster, namespace=namespace, image=image)


def settings_of(settings: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Return the target's settings together with the identity that they are used under."""
    who = {"profile": identity.profile, "role": identity.role, "externalId": identity.external_id}
    region = {"region": identity.region} if identity.region else {}
    return {**region, **{key: value for key, value in who.items() if value}, **settings}


def policy_document(
    platforms: Sequence[str] = PLATFORMS, purposes: Sequence[str] = PURPOSES, **limits: str
) -> dict[str, Any]:
    """Return the least IAM policy; SpecError for a platform or purpose that does not exist.

    limits: account, region, cluster, mesh, partition; what is not given is not limited.
    """
    from chimera.platforms.aws.policy import Scope, document

    return document(platforms, purposes, Scope(**limits))


def in_region(identity: Identity, found: Found) -> Identity:
    """Return the identity in the region of what was found."""
    return replace(identity, region=found.region or identity.region)
