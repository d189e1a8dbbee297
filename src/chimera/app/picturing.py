"""Pictures that a platform's metrics draw of a rollout themselves: CloudWatch's own graph.

They are asked for when somebody looks, and are never in the way: without one, a page is as good.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from chimera.app.reports import RolloutView
from chimera.core.errors import ChimeraError
from chimera.core.model import Resource, Revision, Service
from chimera.platforms.aws.permissions import PLATFORMS
from chimera.platforms.catalog import Catalog

log = logging.getLogger(__name__)

_LASTS_S = 20.0
_WITHIN_S = 8.0
_MOST = 50
_AROUND = timedelta(minutes=5)


@runtime_checkable
class _Draws(Protocol):
    """Metrics that draw."""

    async def graph(
        self,
        service: Service,
        stable: Revision,
        canary: Revision,
        *,
        removed: Sequence[Resource],
        window: tuple[datetime, datetime],
    ) -> bytes:
        """Return a picture of both arms' requests and errors, PNG.

        removed: what is gone by now, by which a version that was removed is known.
        """


def is_drawn(view: RolloutView) -> bool:
    """Whether there is such a picture of a rollout."""
    return view.rollout.service.platform in PLATFORMS


class Pictures:
    """The pictures of one process, each asked for once in a while however many look."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # Rollout -> until when its picture is believed, and the picture, or None if there was none.
        self._kept: dict[str, tuple[float, asyncio.Task[bytes | None]]] = {}

    async def of(self, view: RolloutView) -> bytes | None:
        """Return a rollout's picture, None if there is none or it cannot be had now."""
        if not is_drawn(view):
            return None
        now, id_ = time.monotonic(), view.rollout.id
        kept = self._kept.get(id_)
        if kept is None or now > kept[0]:
            self._kept.pop(id_, None)
            while len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
            kept = (now + _LASTS_S, asyncio.create_task(self._drawn(view)))
            self._kept[id_] = kept
        return await asyncio.shield(kept[1])

    async def _drawn(self, view: RolloutView) -> bytes | None:
        its, now = view.rollout, datetime.now(UTC)
        ends_at = min(now, view.updated_at + _AROUND) if view.state.over else now
        window = (view.opened_at - _AROUND, ends_at)
        try:
            metrics = self._catalog.get(its.service.platform).metrics
            if not isinstance(metrics, _Draws):
                return None
            async with asyncio.timeout(_WITHIN_S):
                return await metrics.graph(
                    its.service,
                    its.stable,
                    its.canary,
                    removed=view.state.removed,
                    window=window,
                )
        except (ChimeraError, TimeoutError) as error:
            log.info("picture.none", extra={"rollout": its.id, "reason": str(error)})
            return None
