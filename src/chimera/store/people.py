"""Users, their sessions and their tokens. Only hashes come in; what they are of never does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from chimera.core.access import Role
from chimera.store import codec, expiring
from chimera.store.access_tables import SESSIONS, TOKENS, USERS
from chimera.store.database import Database

Grants = Mapping[str, Role]
_GRANTS = codec.Codec[dict[str, Role]](TypeAdapter(dict[str, Role]), "set of grants")
_READ, _WRITE = "reading who may sign in", "writing who may sign in"


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account. provider: its identity at an OIDC provider, "" for none.

    grants: what an admin gave. provider_grants: what the provider's groups give.
    """

    name: str
    password_hash: str
    grants: Grants
    created_at: datetime
    provider: str = ""
    provider_grants: Grants | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A signed-in browser, by the hash of what its cookie holds."""

    hash: str
    user: str
    source: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An API token, by the hash of its secret part. used_at: None if never."""

    id: str
    hash: str
    user: str
    name: str
    grants: Grants
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked: bool = False


class People:
    """Keeps accounts, sessions and tokens; safe for many tasks and for several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _run(self, statement: sa.Executable) -> int:
        def work(connection: sa.Connection) -> int:
            return int(getattr(connection.execute(statement), "rowcount", 0))

        return await self._database.write(work, _WRITE)

    async def _rows(self, query: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        def work(connection: sa.Connection) -> Sequence[sa.RowMapping]:
            return connection.execute(query).mappings().all()

        return await self._database.read(work, _READ)

    # Users

    async def add_user(self, user: UserRow) -> bool:
        """Add an account; False if the name is taken."""
        values = {
            "name": codec.name(user.name),
            "password_hash": user.password_hash,
            "grants": _GRANTS.encode(dict(user.grants)),
            "provider": codec.name(user.provider),
            "provider_grants": _GRANTS.encode(dict(user.provider_grants or {})),
            "disabled": user.disabled,
            "created_at": codec.moment(user.created_at),
        }

        def work(connection: sa.Connection) -> bool:
            taken = sa.select(USERS.c.name).where(USERS.c.name == values["name"])
            if connection.execute(taken).one_or_none() is not None:
                return False
            connection.execute(sa.insert(USERS).values(values))
            return True

        return await self._database.write(work, _WRITE)

    async def user(self, name: str) -> UserRow | None:
        """Return an account by its name."""
        return await self._one_user(USERS.c.name == codec.clean(name))

    async def user_of(self, provider: str) -> UserRow | None:
        """Return the account of a provider's identity."""
        return await self._one_user(USERS.c.provider == codec.clean(provider))

    async def _one_user(self, which: sa.ColumnElement[bool]) -> UserRow | None:
        rows = await self._rows(sa.select(USERS).where(which))
        return _user(rows[0]) if rows else None

    async def users(self) -> tuple[UserRow, ...]:
        """Return every account, by name."""
        return tuple(
            _user(row) for row in await self._rows(sa.select(USERS).order_by(USERS.c.name))
        )

    async def set_password_hash(self, name: str, password_hash: str) -> None:
        """Replace the hash of an account's password; "" takes the password away."""
        which = sa.update(USERS).where(USERS.c.name == codec.clean(name))
        await self._run(which.values(password_hash=password_hash))

    async def set_grants(self, name: str, grants: Grants, *, of_provider: bool = False) -> bool:
        """Replace what an admin, or the provider, gave an account; False if there is none."""
        column = "provider_grants" if of_provider else "grants"
        which = sa.update(USERS).where(USERS.c.name == codec.clean(name))
        return bool(await self._run(which.values({column: _GRANTS.encode(dict(grants))})))

    async def change_user(
        self,
        name: str,
        *,
        grants: Grants | None = None,
        disabled: bool | None = None,
        password_hash: str | None = None,
    ) -> bool:
        """Change an account, all of it or nothing; what is None stays. False if there is none.

        Disabling it and a new password end its sessions.
        """
        said: dict[str, Any] = {"disabled": disabled, "password_hash": password_hash}
        values = {column: value for column, value in said.items() if value is not None}
        if grants is not None:
            values["grants"] = _GRANTS.encode(dict(grants))

        def work(connection: sa.Connection) -> bool:
            key = codec.clean(name)
            which = sa.update(USERS).where(USERS.c.name == key)
            found = connection.execute(which.values(values)).rowcount if values else 1
            if disabled or password_hash is not None:
                connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.user == key))
            return bool(found)

        return await self._database.write(work, _WRITE)

    # Sessions

    async def add_session(self, session: SessionRow) -> None:
        """Add a session, and drop those that are over."""
        values = {
            "hash": session.hash,
            "user": session.user,
            "source": codec.clean(session.source),
            "created_at": codec.moment(session.created_at),
            "seen_at": codec.moment(session.seen_at),
            "expires_at": codec.moment(session.expires_at),
        }

        def work(connection: sa.Connection) -> None:
            expiring.sweep(connection, SESSIONS, values["created_at"])
            connection.execute(sa.insert(SESSIONS).values(values))

        await self._database.write(work, _WRITE)

    async def session(self, hash_: str) -> tuple[SessionRow, UserRow] | None:
        """Return a session and its account."""

        def work(connection: sa.Connection) -> tuple[SessionRow, UserRow] | None:
            found = connection.execute(sa.select(SESSIONS).where(SESSIONS.c.hash == hash_))
            row = found.mappings().one_or_none()
            if row is None:
                return None
            user = connection.execute(sa.select(USERS).where(USERS.c.name == row["user"]))
            return _session(row), _user(user.mappings().one())

        return await self._database.read(work, _READ)

    async def sessions(self, user: str) -> tuple[SessionRow, ...]:
        """Return an account's sessions, the newest first."""
        query = sa.select(SESSIONS).where(SESSIONS.c.user == codec.clean(user))
        rows = await self._rows(query.order_by(SESSIONS.c.created_at.desc()))
        return tuple(_session(row) for row in rows)

    async def see_session(self, hash_: str, at: datetime) -> None:
        """Note that a session was used."""
        which = sa.update(SESSIONS).where(SESSIONS.c.hash == hash_)
        await self._run(which.values(seen_at=codec.moment(at)))

    async def end_session(self, hash_: str) -> bool:
        """End one session; False if there was none."""
        return bool(await self._run(sa.delete(SESSIONS).where(SESSIONS.c.hash == hash_)))

    async def end_sessions(self, user: str, *, but: str = "") -> int:
        """End all sessions of an account, except the one with the hash `but`."""
        mine = sa.and_(SESSIONS.c.user == codec.clean(user), SESSIONS.c.hash != but)
        return await self._run(sa.delete(SESSIONS).where(mine))

    # Tokens

    async def add_token(self, token: TokenRow) -> None:
        """Add a token."""
        values = {
            "id": token.id,
            "hash": token.hash,
            "user": token.user,
            "name": codec.name(token.name),
            "grants": _GRANTS.encode(dict(token.grants)),
            "created_at": codec.moment(token.created_at),
            "expires_at": codec.moment(token.expires_at),
            "used_at": "",
            "revoked": False,
        }
        await self._run(sa.insert(TOKENS).values(values))

    async def token(self, id_: str) -> tuple[TokenRow, UserRow] | None:
        """Return a token and its owner's account."""

        def work(connection: sa.Connection) -> tuple[TokenRow, UserRow] | None:
            found = connection.execute(sa.select(TOKENS).where(TOKENS.c.id == codec.clean(id_)))
            row = found.mappings().one_or_none()
            if row is None:
                return None
            user = connection.execute(sa.select(USERS).where(USERS.c.name == row["user"]))
            return _token(row), _user(user.mappings().one())

        return await self._database.read(work, _READ)

    async def tokens(self, user: str = "") -> tuple[TokenRow, ...]:
        """Return the tokens of an account, or all of them, the newest first."""
        query = sa.select(TOKENS).order_by(TOKENS.c.created_at.desc(), TOKENS.c.id)
        if user:
            query = query.where(TOKENS.c.user == codec.clean(user))
        return tuple(_token(row) for row in await self._rows(query))

    async def see_token(self, id_: str, at: datetime) -> None:
        """Note that a token was used."""
        which = sa.update(TOKENS).where(TOKENS.c.id == id_)
        await self._run(which.values(used_at=codec.moment(at)))

    async def revoke_token(self, id_: str) -> bool:
        """Revoke a token for good; False if it is unknown or was revoked before."""
        valid = sa.and_(TOKENS.c.id == codec.clean(id_), TOKENS.c.revoked.is_(False))
        return bool(await self._run(sa.update(TOKENS).where(valid).values(revoked=True)))


def _user(row: sa.RowMapping) -> UserRow:
    return UserRow(
        name=row["name"],
        password_hash=row["password_hash"],
        grants=_GRANTS.decode(row["grants"]),
        created_at=codec.from_moment(row["created_at"]),
        provider=row["provider"],
        provider_grants=_GRANTS.decode(row["provider_grants"]),
        disabled=row["disabled"],
    )


def _session(row: sa.RowMapping) -> SessionRow:
    times = ("created_at", "seen_at", "expires_at")
    moments: dict[str, Any] = {name: codec.from_moment(row[name]) for name in times}
    return SessionRow(hash=row["hash"], user=row["user"], source=row["source"], **moments)


def _token(row: sa.RowMapping) -> TokenRow:
    return TokenRow(
        id=row["id"],
        hash=row["hash"],
        user=row["user"],
        name=row["name"],
        grants=_GRANTS.decode(row["grants"]),
        created_at=codec.from_moment(row["created_at"]),
        expires_at=codec.from_moment(row["expires_at"]),
        used_at=codec.from_moment(row["used_at"]) if row["used_at"] else None,
        revoked=row["revoked"],
    )
