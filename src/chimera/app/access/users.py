"""Accounts: who there is, and what each is granted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from chimera.app.access.audit import Audit
from chimera.app.access.passwords import Passwords
from chimera.app.access.reports import Actor, UserView
from chimera.core.access import EVERYTHING, Kind, Principal, Role, format_grants
from chimera.core.errors import NotAllowed, SpecError
from chimera.store.people import People, UserRow

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,98}[A-Za-z0-9])?")


def grants_of(user: UserRow) -> dict[str, Role]:
    """Return what an account may do, of an admin's and of its provider's gift the higher one."""
    found = dict(user.grants)
    for service, role in (user.provider_grants or {}).items():
        if service not in found or role.includes(found[service]):
            found[service] = role
    return found


def principal_of(user: UserRow) -> Principal:
    """Return the person behind an account."""
    return Principal(name=user.name, kind=Kind.USER, grants=grants_of(user))


def view_of(user: UserRow) -> UserView:
    """Return an account without what is secret."""
    return UserView(
        name=user.name,
        grants=grants_of(user),
        disabled=user.disabled,
        has_password=bool(user.password_hash),
        external=bool(user.provider),
        created_at=user.created_at,
    )


class Users:
    """Manages accounts. Every change is in the audit trail. changed: called after each."""

    def __init__(
        self, people: People, passwords: Passwords, audit: Audit, changed: Callable[[], None]
    ) -> None:
        self._people = people
        self._changed = changed
        self._passwords = passwords
        self._audit = audit

    async def all(self) -> Sequence[UserView]:
        """Return every account, by name."""
        return [view_of(user) for user in await self._people.users()]

    async def get(self, name: str) -> UserView:
        """Return an account; SpecError if there is none of that name."""
        return view_of(await self._row(name))

    async def _row(self, name: str) -> UserRow:
        user = await self._people.user(name)
        if user is None:
            raise SpecError(f"no user '{name}'", hint="`chimera user list` names them")
        return user

    async def add(
        self, name: str, grants: Mapping[str, Role], *, password: str = "", by: Actor
    ) -> UserView:
        """Add an account, SpecError if the name is taken; without a password it needs a link."""
        if not NAME.fullmatch(name):
            raise SpecError(
                f"'{name}' cannot be a user's name",
                hint="use letters, digits and . _ @ + - inside it, at most 100",
            )
        hashed = await self._passwords.hash(password) if password else ""
        row = UserRow(name, hashed, dict(grants), datetime.now(UTC))
        if not await self._people.add_user(row):
            raise SpecError(f"there is a user '{name}' already", hint="`chimera user list`")
        await self._audit.note(by, "user.add", name, detail=", ".join(format_grants(grants)))
        return view_of(row)

    async def grant(self, name: str, grants: Mapping[str, Role], *, by: Actor) -> UserView:
        """Replace what an admin granted an account; at least one admin stays."""
        return await self.change(name, grants=grants, by=by)

    async def set_disabled(self, name: str, *, disabled: bool, by: Actor) -> UserView:
        """Disable an account and end its sessions, or enable it; at least one admin stays."""
        return await self.change(name, disabled=disabled, by=by)

    async def change(
        self,
        name: str,
        *,
        grants: Mapping[str, Role] | None = None,
        disabled: bool | None = None,
        password: str | None = None,
        by: Actor,
    ) -> UserView:
        """Change an account, all of it or, after an error, nothing; what is None stays."""
        user = await self._row(name)
        if disabled or (grants is not None and grants.get(EVERYTHING) is not Role.ADMIN):
            await self._keep_an_admin(user)
        hashed = None if password is None else await self._hashed(user, password)
        await self._people.change_user(name, grants=grants, disabled=disabled, password_hash=hashed)
        self._changed()
        if grants is not None:
            detail = ", ".join(format_grants(grants)) or "nothing"
            await self._audit.note(by, "user.grant", name, detail=detail)
        if disabled is not None:
            await self._audit.note(by, "user.disable" if disabled else "user.enable", name)
        if hashed is not None:
            await self._audit.note(by, "user.password", name)
        return await self.get(name)

    async def set_password(self, name: str, password: str, *, by: Actor, keep: str = "") -> None:
        """Set a password and end the account's sessions, but that of the id `keep`."""
        hashed = await self._hashed(await self._row(name), password)
        await self._people.set_password_hash(name, hashed)
        await self._people.end_sessions(name, but=keep)
        self._changed()
        await self._audit.note(by, "user.password", name)

    async def change_password(
        self, name: str, old: str, new: str, *, by: Actor, keep: str = ""
    ) -> None:
        """Change one's own password; NotAllowed if the old one is wrong ("" if there is none)."""
        user = await self._row(name)
        if user.password_hash and not await self._passwords.fits(old, user.password_hash):
            await self._audit.note(by, "user.password", name, outcome="refused")
            raise NotAllowed("the old password is wrong", hint="try again")
        await self.set_password(name, new, by=by, keep=keep)

    async def _hashed(self, user: UserRow, password: str) -> str:
        if user.provider:
            raise NotAllowed(
                f"{user.name} signs in at the provider", hint="change the password there"
            )
        return await self._passwords.hash(password)

    async def _keep_an_admin(self, but: UserRow) -> None:
        if not principal_of(but).may(Role.ADMIN):
            return
        others = [user for user in await self._people.users() if user.name != but.name]
        if not any(principal_of(user).may(Role.ADMIN) and not user.disabled for user in others):
            raise NotAllowed(
                f"{but.name} is the last admin", hint="make another user admin first, then do this"
            )
