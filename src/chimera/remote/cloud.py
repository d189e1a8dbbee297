"""AWS as another Chimera sees it, over its API: with its credentials, from where it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chimera.app.cloud import Found, Identity, ServiceFacts
from chimera.app.login import Login
from chimera.core.model import Change
from chimera.remote.client import ApiClient, Tell


class RemoteSetup:
    """A cluster's one-time preparation for ecs-appmesh."""

    def __init__(self, client: ApiClient, wanted: Mapping[str, str]) -> None:
        self._client = client
        self._wanted = wanted

    async def plan(self) -> Sequence[Change]:
        """Return each write that `apply` would do now; none if all is there."""
        return await self._ask(dry_run=True)

    async def apply(self) -> Sequence[Change]:
        """Make what is missing; return what was done."""
        return await self._ask()

    async def removal(self) -> Sequence[Change]:
        """Return each write that `remove` would do now."""
        return await self._ask(remove=True, dry_run=True)

    async def remove(self) -> Sequence[Change]:
        """Take away what `apply` made; return what was done."""
        return await self._ask(remove=True)

    async def _ask(self, **how: bool) -> Sequence[Change]:
        return await self._client.write(list[Change], "/aws/setup", {**self._wanted, **how})


class RemoteCloud:
    """Asks about it there."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def discover(
        self, identity: Identity, platform: str, *, regions: Sequence[str] = (), cluster: str = ""
    ) -> Sequence[Found]:
        """List all that matters to a platform, each with the reason when it cannot be used."""
        asked = {**_who(identity), "platform": platform, "cluster": cluster}
        asked["region"] = list(regions) or identity.region
        return await self._client.get(list[Found], "/aws/discovery", **asked)

    async def facts(
        self, identity: Identity, platform: str, settings: Mapping[str, Any], *, name: str = "new"
    ) -> ServiceFacts:
        """Return what is to know of one service before a rollout. settings: of its target."""
        body = {**_who(identity), "platform": platform, "target": dict(settings), "name": name}
        return await self._client.ask(ServiceFacts, "/aws/facts", body)

    async def setup(
        self, identity: Identity, cluster: str, *, namespace: str = "", image: str = ""
    ) -> RemoteSetup:
        """Look at a cluster's one-time preparation."""
        wanted = {**_who(identity), "cluster": cluster, "namespace": namespace, "image": image}
        return RemoteSetup(self._client, wanted)


def _who(identity: Identity) -> dict[str, Any]:
    return {
        "region": identity.region,
        "profile": identity.profile,
        "role": identity.role,
        "external_id": identity.external_id,
    }


@asynccontextmanager
async def open_remote_cloud(login: Login, tell: Tell) -> AsyncIterator[RemoteCloud]:
    """Connect to another Chimera; disconnect at the end. tell: hears what takes long."""
    client = ApiClient(login, tell)
    try:
        yield RemoteCloud(client)
    finally:
        await client.close()
