"""Who may use a Chimera and who did what there: as an admin asks and changes it, here or away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from chimera.app.access import Access, Actor, Entry, TokenView, UserView, open_access
from chimera.app.lock import find_controller
from chimera.core.access import Role

if TYPE_CHECKING:
    from chimera.app.settings import Settings

Grants = Mapping[str, Role]


class People(Protocol):
    """The accounts and tokens of one Chimera; every change is in its audit trail.

    SpecError for a user or token that does not exist, NotAllowed for what one may not do.
    """

    async def users(self) -> Sequence[UserView]:
        """Return every account, by name."""

    async def add_user(self, name: str, grants: Grants, *, password: str = "") -> UserView:
        """Add an account; SpecError if the name is taken."""

    async def grant(self, name: str, grants: Grants) -> UserView:
        """Replace what an admin granted an account; at least one admin stays."""

    async def set_disabled(self, name: str, *, disabled: bool) -> UserView:
        """Disable an account and end its sessions, or enable it; at least one admin stays."""

    async def set_password(self, name: str, password: str) -> None:
        """Set a password and end the account's sessions."""

    async def link(self, name: str, *, hours: int) -> str:
        """Return the URL that signs an account in once. hours: how long it may wait, 1 to 168."""

    async def tokens(self, user: str = "") -> Sequence[TokenView]:
        """Return the tokens of an account, or without one all that may be seen, newest first."""

    async def make_token(
        self, user: str, name: str, grants: Grants, *, days: int
    ) -> tuple[str, TokenView]:
        """Return a new token, shown this once, and its view. grants: empty is all its owner's."""

    async def revoke(self, token: str) -> None:
        """Revoke the token of that id for good."""

    async def trail(self, *, limit: int) -> Sequence[Entry]:
        """Return the audit trail's entries, the newest first."""


class PeopleHere:
    """Those of a data folder, changed by its owner, who is admin."""

    def __init__(self, access: Access, by: Actor, url: str) -> None:
        self._access = access
        self._by = by
        self._url = url

    async def users(self) -> Sequence[UserView]:
        """Return every account, by name."""
        return await self._access.users.all()

    async def add_user(self, name: str, grants: Grants, *, password: str = "") -> UserView:
        """Add an account; SpecError if the name is taken."""
        return await self._access.users.add(name, grants, password=password, by=self._by)

    async def grant(self, name: str, grants: Grants) -> UserView:
        """Replace what an admin granted an account; at least one admin stays."""
        return await self._access.users.grant(name, grants, by=self._by)

    async def set_disabled(self, name: str, *, disabled: bool) -> UserView:
        """Disable an account and end its sessions, or enable it; at least one admin stays."""
        return await self._access.users.set_disabled(name, disabled=disabled, by=self._by)

    async def set_password(self, name: str, password: str) -> None:
        """Set a password and end the account's sessions."""
        await self._access.users.set_password(name, password, by=self._by)

    async def link(self, name: str, *, hours: int) -> str:
        """Return the URL that signs an account in once, at the address of this machine's page."""
        await self._access.users.get(name)
        valid = timedelta(hours=hours)
        code = await self._access.sessions.make_link(name, valid=valid, by=self._by)
        return f"{self._url}/sign-in#{code}"

    async def tokens(self, user: str = "") -> Sequence[TokenView]:
        """Return the tokens of an account, or all of them, newest first."""
        return await self._access.tokens.all(user)

    async def make_token(
        self, user: str, name: str, grants: Grants, *, days: int
    ) -> tuple[str, TokenView]:
        """Return a new token, shown this once, and its view. grants: empty is all its owner's."""
        given = grants or (await self._access.users.get(user)).grants
        valid = timedelta(days=days)
        return await self._access.tokens.create(user, name, given, valid=valid, by=self._by)

    async def revoke(self, token: str) -> None:
        """Revoke the token of that id for good."""
        await self._access.tokens.revoke(token, by=self._by)

    async def trail(self, *, limit: int) -> Sequence[Entry]:
        """Return the audit trail's entries, the newest first."""
        return await self._access.audit.entries(limit=limit)


@asynccontextmanager
async def open_people(settings: Settings, by: Actor) -> AsyncIterator[People]:
    """Open the people of a data folder; close its store at the end."""
    running = find_controller(settings.home)  # it may listen elsewhere than these settings say
    url = (running.page if running else "") or settings.guard.url
    async with open_access(settings) as access:
        yield PeopleHere(access, by, url)
