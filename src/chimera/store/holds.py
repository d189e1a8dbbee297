"""Holding a service for maintenance: no rollout of it begins meanwhile, whichever process asks.

A hold is a document that expires, so that one whose holder was killed does not last for ever. It is
taken and looked for under the journal's lock, under which a rollout takes its service too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from chimera.core.errors import RolloutConflict
from chimera.core.state import Phase
from chimera.store import codec, journal, upsert
from chimera.store.access_tables import DOCUMENTS
from chimera.store.tables import ROLLOUTS

KIND = "hold"
LONGEST = timedelta(minutes=11)


def holding(service: str, holder: str) -> Callable[[sa.Connection], None]:
    """Return the work that holds a service; RolloutConflict if a rollout or another holder has it.

    A rollout whose cleanup has not finished does not count: it is what may have to be removed.
    """

    def work(connection: sa.Connection) -> None:
        journal.take(connection)
        refuse_held(connection, service, but=holder)
        _refuse_live(connection, service)
        now = datetime.now(UTC)
        values = {
            "kind": KIND,
            "key": codec.name(service),
            "owner": codec.name(holder),
            "body": "",
            "updated_at": codec.moment(now),
            "expires_at": codec.moment(now + LONGEST),
        }
        insert = upsert.insert(connection, DOCUMENTS).values(values)
        fields = ("owner", "updated_at", "expires_at")
        changed = {name: insert.excluded[name] for name in fields}
        connection.execute(
            insert.on_conflict_do_update(index_elements=["kind", "key"], set_=changed)
        )

    return work


def letting_go(service: str, holder: str) -> Callable[[sa.Connection], None]:
    """Return the work that ends a hold; one of somebody else stays."""

    def work(connection: sa.Connection) -> None:
        mine = (_of(service), DOCUMENTS.c.owner == codec.clean(holder))
        connection.execute(sa.delete(DOCUMENTS).where(*mine))

    return work


def refuse_held(connection: sa.Connection, service: str, *, but: str = "") -> None:
    """Raise RolloutConflict if somebody else than `but` holds the service."""
    lasts = DOCUMENTS.c.expires_at > codec.moment(datetime.now(UTC))
    query = sa.select(DOCUMENTS.c.owner, DOCUMENTS.c.expires_at).where(_of(service), lasts)
    held = connection.execute(query).one_or_none()
    if held is not None and held.owner != but:
        until = codec.from_moment(held.expires_at)
        raise RolloutConflict(
            f"'{service}' is being cleaned up or removed ({held.owner})",
            hint=f"try again in a moment; it lasts until {until:%H:%M:%S} UTC at the longest",
        )


def _refuse_live(connection: sa.Connection, service: str) -> None:
    query = sa.select(ROLLOUTS.c.id, ROLLOUTS.c.phase).where(
        ROLLOUTS.c.service == service,
        ROLLOUTS.c.live,
        ROLLOUTS.c.phase != Phase.CLEANUP_INCOMPLETE.value,
    )
    live = connection.execute(query).one_or_none()
    if live is not None:
        raise RolloutConflict(
            f"rollout {live.id} holds '{service}': it is {live.phase}",
            rollout=live.id,
            hint=f"end it first: `chimera abort {live.id}`",
        )


def _of(service: str) -> sa.ColumnElement[bool]:
    return sa.and_(DOCUMENTS.c.kind == KIND, DOCUMENTS.c.key == codec.clean(service))
