"""Signing in and staying signed in: opaque sessions, of which only hashes are kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from chimera.app.access.audit import Audit
from chimera.app.access.hashing import digest, new_secret
from chimera.app.access.limits import Attempts
from chimera.app.access.passwords import Passwords
from chimera.app.access.reports import Actor, Session
from chimera.app.access.users import principal_of
from chimera.app.doors import AccessSettings
from chimera.core.errors import NotSignedIn, TooMany
from chimera.store.documents import Document, Documents
from chimera.store.people import People, SessionRow, UserRow

CACHED_S = 2.0  # so long another replica may still take a session that was ended here
_MOST_CACHED = 10_000
_LINK = "link"


class Sessions:
    """Starts, finds and ends sessions."""

    def __init__(
        self,
        people: People,
        documents: Documents,
        passwords: Passwords,
        attempts: Attempts,
        audit: Audit,
        settings: AccessSettings,
    ) -> None:
        self._people = people
        self._documents = documents
        self._passwords = passwords
        self._attempts = attempts
        self._audit = audit
        self._settings = settings
        self._cache: dict[str, tuple[float, Session]] = {}

    # Signing in

    async def sign_in(self, name: str, password: str, *, source: str, former: str = "") -> str:
        """Start a session for a name and password, and return its secret for the cookie.

        former: the secret of the browser's session until now; it ends. NotSignedIn does not say
        what was wrong; TooMany after too many attempts.
        """
        by = Actor(name, source)
        try:
            await self._attempts.begin(name, source)
        except TooMany:
            await self._audit.note(by, "sign-in", outcome="refused", detail="too many attempts")
            raise
        user = await self._people.user(name)
        fits = await self._passwords.fits(password, user.password_hash if user else "")
        if user is None or not fits or user.disabled or user.provider:
            await self._audit.note(by, "sign-in", outcome="refused", detail="password")
            raise NotSignedIn("the name or the password is wrong", hint="try again")
        await self._attempts.succeeded(name, source)
        if self._passwords.outdated(user.password_hash):
            await self._people.set_password_hash(name, await self._passwords.hash(password))
        return await self.start(user, source=source, former=former, how="password")

    async def make_link(self, name: str, *, valid: timedelta, by: Actor) -> str:
        """Return a code that signs an account in once: the page is `/sign-in#CODE`."""
        code = new_secret()
        ends = datetime.now(UTC) + valid
        await self._documents.put(Document(_LINK, digest(code), name, name, ends))
        await self._audit.note(by, "link.make", name)
        return code

    async def sign_in_by_link(self, code: str, *, source: str, former: str = "") -> str:
        """Start a session for a one-time code; NotSignedIn if it was used or has expired.

        A code cannot be guessed, so attempts before it never shut out who holds one.
        """
        found = await self._documents.take(_LINK, digest(code))
        user = await self._people.user(found.owner) if found else None
        if user is None or user.disabled:
            by = Actor(user.name if user else "", source)
            await self._audit.note(by, "sign-in", outcome="refused", detail="link")
            await self._attempts.link_failed(source)
            raise NotSignedIn(
                "this link was used or has expired",
                hint="`chimera user link NAME` makes a new one, on the machine that it runs on",
            )
        return await self.start(user, source=source, former=former, how="link")

    async def start(self, user: UserRow, *, source: str, former: str, how: str) -> str:
        """Start a session for one who proved who it is, and end the browser's former one."""
        if former:
            await self.end(former)
        secret, now = new_secret(), datetime.now(UTC)
        await self._people.add_session(
            SessionRow(digest(secret), user.name, source, now, now, now + self._settings.longest)
        )
        await self._audit.note(Actor(user.name, source), "sign-in", detail=how)
        return secret

    # Staying signed in

    async def find(self, secret: str) -> Session | None:
        """Return the session of a cookie's secret; None if there is none or it is over."""
        key = digest(secret)
        cached = self._cache.get(key)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        self._cache.pop(key, None)
        found = await self._people.session(key)
        if found is None:
            return None
        row, user = found
        now = datetime.now(UTC)
        if now >= row.expires_at or now - row.seen_at > self._settings.idle or user.disabled:
            await self._people.end_session(key)
            return None
        if now - row.seen_at > min(timedelta(minutes=1), self._settings.idle / 4):
            await self._people.see_session(key, now)
        session = Session(key, principal_of(user), row.created_at, row.expires_at)
        if len(self._cache) >= _MOST_CACHED:
            self._cache.clear()
        self._cache[key] = (time.monotonic() + CACHED_S, session)
        return session

    # Signing out

    async def sign_out(self, secret: str, *, source: str) -> None:
        """End the session of a cookie's secret."""
        session = await self.find(secret)
        await self.end(secret)
        if session is not None:
            await self._audit.note(Actor(session.principal.name, source), "sign-out")

    async def end(self, secret: str) -> None:
        """End a session; unknown is fine."""
        key = digest(secret)
        self._cache.pop(key, None)
        await self._people.end_session(key)

    def forget(self) -> None:
        """Read every session anew: an account was changed."""
        self._cache.clear()
