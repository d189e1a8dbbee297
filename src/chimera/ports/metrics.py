"""Reading what requests met."""

from __future__ import annotations

from typing import Protocol

from chimera.core.model import Reading, Revision, Service


class MetricSource(Protocol):
    """Reads cumulative counters of both arms in one scrape.

    An arm that cannot be seen is an empty tuple, never zeros. ProviderUnavailable if nothing can be
    read. min_interval_s: looking more often than this brings nothing new. A reading's `at` is the
    moment up to which it counts, so it stands still until a source with rare or late points has
    another one.
    """

    min_interval_s: float

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        """Return both arms' counters at one moment."""
