"""Access: all that is known of people, put together over one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from chimera import __version__
from chimera.app.access.audit import Audit
from chimera.app.access.limits import Attempts
from chimera.app.access.oidc import Oidc
from chimera.app.access.passwords import Passwords
from chimera.app.access.reports import Actor
from chimera.app.access.sessions import Sessions
from chimera.app.access.tokens import Tokens
from chimera.app.access.users import Users
from chimera.app.access.vault import Vault
from chimera.app.doors import AccessSettings
from chimera.app.lock import find_controller, make_home
from chimera.core.access import EVERYTHING, Role
from chimera.core.errors import SpecError
from chimera.store import Store, open_store

if TYPE_CHECKING:
    from chimera.app.settings import Settings

OWNER_LINK = timedelta(minutes=30)


class Access:
    """Who may use this Chimera. Use `open_access(settings)`.

    users, sessions, tokens, audit: what they are named. attempts: limits that all replicas share.
    vault: secrets, encrypted at rest. documents: small texts with an owner and an end, for drafts
    and keys of repeated requests. oidc: signing in at a provider, None if none is set up.
    """

    def __init__(self, store: Store, settings: AccessSettings) -> None:
        self.settings = settings
        self.documents = store.documents
        self.audit = Audit(store.trail)
        self.attempts = Attempts(store.counters)
        self.vault = Vault(store.documents, settings)
        passwords = Passwords()
        self.users = Users(store.people, passwords, self.audit, self.forget)
        self.sessions = Sessions(
            store.people, store.documents, passwords, self.attempts, self.audit, settings
        )
        self.tokens = Tokens(store.people, self.attempts, self.audit)
        self.oidc = (
            Oidc(settings.oidc, store.people, store.documents, self.sessions, self.audit)
            if settings.oidc
            else None
        )

    def forget(self) -> None:
        """Let a change of an account hold at once in this process; elsewhere within seconds."""
        self.sessions.forget()
        self.tokens.forget()

    async def owner_link(self, name: str, *, valid: timedelta = OWNER_LINK) -> str:
        """Return a one-time code for the owner of the data folder, who is admin from the start."""
        by = Actor(name)
        try:
            await self.users.get(name)
        except SpecError:
            await self.users.add(name, {EVERYTHING: Role.ADMIN}, by=by)
        return await self.sessions.make_link(name, valid=valid, by=by)


@asynccontextmanager
async def open_access(settings: Settings) -> AsyncIterator[Access]:
    """Open the store for Access, apart from the ledger's connection; close it at the end."""
    make_home(settings.home)
    holder = find_controller(settings.home)
    migrate = holder is None or holder.version in {"", __version__}  # not under an older one
    async with open_store(settings.ledger_url, migrate=migrate) as store:
        access = Access(store, settings.access)
        if len(settings.access.secret_keys) > 1:
            await access.vault.renew()
        yield access
