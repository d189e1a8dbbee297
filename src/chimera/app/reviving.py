"""Keeping the ledger and the engine of one mind about what is live."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from chimera.app.engines import Engines
from chimera.store import RolloutRow, Store

if TYPE_CHECKING:
    from chimera.engine.client import EngineClient

log = logging.getLogger(__name__)

LOST = "the engine has lost it"


async def revive(store: Store, client: EngineClient, row: RolloutRow) -> bool:
    """Make sure that the engine drives a live rollout; False if it cannot, and lets go of it.

    One that never began is started: a crash between the two writes of `deploy` leaves such. One
    with a history whose engine has lost its database cannot begin anew: its history would say
    otherwise, and its writes would be refused as old ones.
    """
    if not row.events:
        await client.start(row.rollout)
    if not client.settings.embedded:  # it may be the wrong cluster, and another one drives it
        return True
    if await client.runs(row.id) or not (await store.get(row.id)).live:
        return True
    await store.release(row.id, LOST)
    log.error("rollout.lost", extra={"rollout": row.id, "service": row.service})
    return False


async def resume(store: Store, client: EngineClient, engines: Engines) -> tuple[str, ...]:
    """Revive all that is live and one's own; return a sentence for each.

    What another engine drives is not asked for here: not to know it is no proof of a loss.
    """
    said = []
    for row in await store.find(live=True, limit=10_000, engines=engines.known):
        if await revive(store, client, row):
            said.append(f"resumed: {row.id}")
        else:
            said.append(f"lost: {row.id}; {row.service} is free again, see `chimera gc --dry-run`")
    return tuple(said)
