"""Steering traffic between stable and canary."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from chimera.core.model import Fence, Revision, Service, Split


class Router(Protocol):
    """Sets and reads who gets the traffic of a service.

    Writes are absolute and fenced: one whose fence has a lower generation than the highest seen for
    the same rollout raises ProviderRefused and changes nothing. `leased` routers own their data
    plane and forget the canary's weight when it is not renewed within the lease: all traffic then
    returns to stable without any controller. Reads show what the data plane does, not what was
    last written.
    """

    leased: bool

    async def read(self, service: Service) -> Split:
        """Return the split in force in the data plane; ProviderUnavailable if unknown."""

    async def set_weights(
        self, service: Service, split: Split, fence: Fence, lease: timedelta
    ) -> None:
        """Put `split` in force and return when the data plane confirms it.

        The first call for a canary also makes it known to the data plane (cluster, target group)
        and waits until it is warm. With weight 0 nothing needs a lease.
        """

    async def renew(self, service: Service, split: Split, fence: Fence, lease: timedelta) -> Split:
        """Read the split in force; if it equals `split`, extend the lease; return what was read."""

    async def commit(
        self, service: Service, old: Revision, new: Revision, fence: Fence, lease: timedelta
    ) -> None:
        """Make `new` the durable default of all traffic, before the lease goes; read back."""

    async def restore(
        self, service: Service, stable: Revision, canary: Revision, fence: Fence
    ) -> None:
        """Make `stable` the durable default for all traffic, whatever is in force; read back.

        Also undoes a commit. Accepts a canary that was never made known. It and the reads after it
        are called inside `ports.urgency.urgent`.
        """

    async def drain(
        self, service: Service, revision: Revision, fence: Fence, timeout: timedelta
    ) -> int:
        """Wait until no request is in flight on a revision without traffic, then forget it here.

        Returns how many requests were still in flight at the timeout.
        """
