"""From a service of ours to where it runs."""

from __future__ import annotations

from collections.abc import Sequence

from chimera.core.model import Service
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.options import EcsTarget, target_of
from chimera.platforms.aws.session import Accounts

CLIENTS = ("ecs", "ecr", "application-autoscaling", "sts", "iam")


class Sites:
    """The sites of one platform: its model of `target`, and the clients that it needs."""

    def __init__(
        self, accounts: Accounts, options: type[EcsTarget], clients: Sequence[str]
    ) -> None:
        self._accounts = accounts
        self._options = options
        self._clients = (*CLIENTS, *clients)

    async def of(self, service: Service) -> Site:
        """Return where a service runs; SpecError if its target cannot be read."""
        target = target_of(service, self._options)
        account = await self._accounts.open(target.identity, *self._clients)
        return Site(account, service, target)
