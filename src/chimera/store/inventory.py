"""What Chimera made and has not removed, and who may write: resources and fences."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from chimera.core.model import Fence, Resource
from chimera.store import codec, upsert
from chimera.store.database import Database
from chimera.store.tables import FENCES, RESOURCES


class StoreInventory:
    """Implements the port Inventory; safe for many tasks, and for several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, resource: Resource) -> None:
        """Add or replace a resource."""
        await self._database.write(_record(resource), f"recording {resource}")

    async def forget(self, kind: str, id: str) -> None:  # noqa: A002 - the port's name
        """Remove a resource; unknown is fine."""
        await self._database.write(_forget(kind, id), f"forgetting {kind} {id}")

    async def find(
        self, *, service: str = "", revision: str = "", rollout: str = "", kind: str = ""
    ) -> tuple[Resource, ...]:
        """Return the resources that match every given field, oldest first."""
        wanted = {"service": service, "revision": revision, "rollout": rollout, "kind": kind}
        return await self._database.read(_find(wanted), "reading the inventory")

    async def pass_fence(self, service: str, fence: Fence) -> bool:
        """Remember the highest generation seen for this rollout; False if `fence` is lower."""
        return await self._database.write(_pass(service, fence), "checking a fence")


def _record(resource: Resource) -> Callable[[sa.Connection], None]:
    values = {
        "kind": codec.name(resource.kind),
        "id": codec.name(resource.id),
        "service": codec.name(resource.service),
        "revision": codec.name(resource.revision),
        "rollout": codec.name(resource.rollout),
        "detail": codec.DETAIL.encode(dict(resource.detail)),
    }

    def work(connection: sa.Connection) -> None:
        insert = upsert.insert(connection, RESOURCES).values(values)
        changed = {name: insert.excluded[name] for name in values if name not in {"kind", "id"}}
        connection.execute(
            insert.on_conflict_do_update(index_elements=["kind", "id"], set_=changed)
        )

    return work


def _forget(kind: str, name: str) -> Callable[[sa.Connection], None]:
    key = {"kind": codec.clean(kind), "id": codec.clean(name)}

    def work(connection: sa.Connection) -> None:
        connection.execute(
            sa.delete(RESOURCES).where(
                *(RESOURCES.c[column] == value for column, value in key.items())
            )
        )

    return work


def _find(wanted: dict[str, str]) -> Callable[[sa.Connection], tuple[Resource, ...]]:
    matches = [RESOURCES.c[name] == codec.clean(value) for name, value in wanted.items() if value]

    def work(connection: sa.Connection) -> tuple[Resource, ...]:
        rows = connection.execute(sa.select(RESOURCES).where(*matches).order_by(RESOURCES.c.n))
        return tuple(
            Resource(
                kind=row.kind,
                id=row.id,
                service=row.service,
                revision=row.revision,
                rollout=row.rollout,
                detail=codec.DETAIL.decode(row.detail),
            )
            for row in rows
        )

    return work


def _pass(service: str, fence: Fence) -> Callable[[sa.Connection], bool]:
    values = {
        "service": codec.name(service),
        "rollout": codec.name(fence.rollout),
        "generation": codec.whole(fence.generation),
    }

    def work(connection: sa.Connection) -> bool:
        insert = upsert.insert(connection, FENCES).values(values)
        raised = insert.on_conflict_do_update(
            index_elements=["service", "rollout"],
            set_={"generation": insert.excluded.generation},
            where=FENCES.c.generation <= insert.excluded.generation,
        ).returning(FENCES.c.generation)
        return connection.execute(raised).one_or_none() is not None

    return work
