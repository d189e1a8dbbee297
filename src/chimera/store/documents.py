"""Small texts that belong to somebody and may expire: drafts, links, secrets.

A kind has keys of its own. What has expired is not there any more, whether or not it was deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from chimera.store import codec, expiring, upsert
from chimera.store.access_tables import DOCUMENTS
from chimera.store.database import Database

FOR_EVER = datetime.max.replace(tzinfo=UTC)
_READ, _WRITE = "reading what it keeps for people", "keeping something for people"


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a kind. owner: the account it belongs to, "" for nobody."""

    kind: str
    key: str
    body: str
    owner: str = ""
    expires_at: datetime = FOR_EVER
    updated_at: datetime | None = None


class Documents:
    """Keeps documents; safe for many tasks and for several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, document: Document) -> None:
        """Add or replace a document."""

        def work(connection: sa.Connection) -> None:
            insert = upsert.insert(connection, DOCUMENTS).values(_values(document))
            fields = ("owner", "body", "updated_at", "expires_at")
            changed = {name: insert.excluded[name] for name in fields}
            connection.execute(
                insert.on_conflict_do_update(index_elements=["kind", "key"], set_=changed)
            )

        await self._database.write(work, _WRITE)

    async def claim(self, document: Document) -> bool:
        """Add a document unless one is there; of several who try at once, one gets True."""

        def work(connection: sa.Connection) -> bool:
            values = _values(document)
            expiring.sweep(connection, DOCUMENTS, values["updated_at"])
            insert = upsert.insert(connection, DOCUMENTS).values(values)
            done = insert.on_conflict_do_nothing(index_elements=["kind", "key"])
            return connection.execute(done.returning(DOCUMENTS.c.key)).one_or_none() is not None

        return await self._database.write(work, _WRITE)

    async def get(self, kind: str, key: str) -> Document | None:
        """Return a document that has not expired."""

        def work(connection: sa.Connection) -> Document | None:
            row = connection.execute(
                sa.select(DOCUMENTS).where(_is(kind, key), _lives())
            ).mappings()
            found = row.one_or_none()
            return _document(found) if found is not None else None

        return await self._database.read(work, _READ)

    async def take(self, kind: str, key: str) -> Document | None:
        """Remove a document and return it unless it has expired; of several, one gets it."""

        def work(connection: sa.Connection) -> Document | None:
            gone = sa.delete(DOCUMENTS).where(_is(kind, key)).returning(*DOCUMENTS.c)
            found = connection.execute(gone).mappings().one_or_none()
            if found is None or codec.from_moment(found["expires_at"]) <= datetime.now(UTC):
                return None
            return _document(found)

        return await self._database.write(work, _WRITE)

    async def find(self, kind: str, *, owner: str | None = None) -> tuple[Document, ...]:
        """Return what has not expired of a kind, by key; owner: only that account's."""

        def work(connection: sa.Connection) -> Sequence[sa.RowMapping]:
            query = sa.select(DOCUMENTS).where(DOCUMENTS.c.kind == kind, _lives())
            if owner is not None:
                query = query.where(DOCUMENTS.c.owner == codec.clean(owner))
            return connection.execute(query.order_by(DOCUMENTS.c.key)).mappings().all()

        return tuple(_document(row) for row in await self._database.read(work, _READ))

    async def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False if there was none."""
        return await self.take(kind, key) is not None


def _values(document: Document) -> dict[str, str]:
    return {
        "kind": document.kind,
        "key": codec.name(document.key),
        "owner": codec.name(document.owner),
        "body": codec.name(document.body),
        "updated_at": codec.moment(datetime.now(UTC)),
        "expires_at": codec.moment(document.expires_at),
    }


def _is(kind: str, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(DOCUMENTS.c.kind == kind, DOCUMENTS.c.key == codec.clean(key))


def _lives() -> sa.ColumnElement[bool]:
    return DOCUMENTS.c.expires_at > codec.moment(datetime.now(UTC))


def _document(row: sa.RowMapping) -> Document:
    return Document(
        kind=row["kind"],
        key=row["key"],
        body=row["body"],
        owner=row["owner"],
        expires_at=codec.from_moment(row["expires_at"]),
        updated_at=codec.from_moment(row["updated_at"]),
    )
