"""Signing in at a provider: a flow bound to one browser, usable once; an account for who returns.

The browser keeps one random secret in a cookie, and state, nonce and the PKCE verifier are made
from it. So the store holds nothing but a mark that the flow is open, and any replica can end it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chimera.app.access.audit import Audit
from chimera.app.access.hashing import digest, new_secret
from chimera.app.access.provider import Provider
from chimera.app.access.reports import Actor
from chimera.app.access.sessions import Sessions
from chimera.app.access.users import NAME
from chimera.app.doors import OidcSettings
from chimera.core.access import Role
from chimera.core.errors import NotSignedIn
from chimera.store.documents import Document, Documents
from chimera.store.people import People, UserRow

FLOW = timedelta(minutes=10)
_KIND = "oidc"


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that has begun. secret: for the browser's cookie. url: where it goes now."""

    secret: str
    url: str


class Oidc:
    """Begins and ends sign-ins at the provider."""

    def __init__(
        self,
        settings: OidcSettings,
        people: People,
        documents: Documents,
        sessions: Sessions,
        audit: Audit,
    ) -> None:
        self._settings = settings
        self._provider = Provider(settings)
        self._people = people
        self._documents = documents
        self._sessions = sessions
        self._audit = audit

    async def begin(self, redirect: str, onward: str) -> Flow:
        """Open a flow. redirect: our callback's URL. onward: the path to go on to in the end."""
        secret = new_secret()
        state = _derived(secret, "state")
        url = await self._provider.authorize_url(
            redirect,
            state=state,
            nonce=_derived(secret, "nonce"),
            verifier=_derived(secret, "verifier"),
        )
        ends = datetime.now(UTC) + FLOW
        await self._documents.claim(Document(_KIND, digest(state), onward, "", ends))
        return Flow(secret, url)

    async def finish(
        self, secret: str, query: Mapping[str, str], redirect: str, *, source: str, former: str
    ) -> tuple[str, str]:
        """Return the new session's secret and the path to go on to; NotSignedIn if not proved.

        secret: from the browser's cookie. query: what the provider sent back.
        """
        try:
            onward, user = await self._identify(secret, query, redirect)
        except NotSignedIn as error:
            why = str(error)
            await self._audit.note(Actor("", source), "sign-in", outcome="refused", detail=why)
            raise
        how = f"provider {self._settings.issuer}"
        return await self._sessions.start(user, source=source, former=former, how=how), onward

    async def _identify(
        self, secret: str, query: Mapping[str, str], redirect: str
    ) -> tuple[str, UserRow]:
        state = _derived(secret, "state")
        mine = bool(secret) and hmac.compare_digest(query.get("state", "").encode(), state.encode())
        flow = await self._documents.take(_KIND, digest(state)) if mine else None
        if flow is None:
            raise NotSignedIn(
                "this sign-in was not begun in this browser, or is over", hint="try again"
            )
        if query.get("iss", self._settings.issuer).rstrip("/") != self._settings.issuer:
            raise NotSignedIn("another provider answered", hint="try again")
        if "error" in query or not query.get("code"):
            said = query.get("error", "no code")[:100]
            raise NotSignedIn(f"the sign-in provider refused: {said}", hint="try again")
        claims = await self._provider.identify(
            query["code"],
            redirect,
            nonce=_derived(secret, "nonce"),
            verifier=_derived(secret, "verifier"),
        )
        return flow.body, await self._account(claims)

    async def _account(self, claims: Mapping[str, Any]) -> UserRow:
        identity = f"{self._settings.issuer} {claims['sub']}"
        user = await self._people.user_of(identity)
        if user is None:
            user = await self._made(identity, claims)
        if user.disabled:
            raise NotSignedIn(f"the user {user.name} is disabled", hint="ask an admin")
        given = self._granted(claims)
        if given != dict(user.provider_grants or {}):
            await self._people.set_grants(user.name, given, of_provider=True)
            self._sessions.forget()
        return user

    async def _made(self, identity: str, claims: Mapping[str, Any]) -> UserRow:
        """Make the account of an identity that comes for the first time."""
        email = claims.get("email") if claims.get("email_verified") is True else None
        wanted = claims.get("preferred_username") or email or claims["sub"]
        name = str(wanted)
        if not NAME.fullmatch(name):
            name = f"user-{digest(identity)[:12]}"
        user = UserRow(name, "", {}, datetime.now(UTC), provider=identity)
        if not await self._people.add_user(user):
            # Never the account of that name: whoever chooses a name there would become its owner.
            raise NotSignedIn(
                f"the name {name} belongs to a local user here",
                hint="ask an admin: that user must be renamed, or the provider's name changed",
            )
        by = Actor(self._settings.issuer, "provider")
        await self._audit.note(by, "user.add", name, detail="first sign-in at the provider")
        return user

    def _granted(self, claims: Mapping[str, Any]) -> dict[str, Role]:
        groups = claims.get(self._settings.groups_claim)
        found: dict[str, Role] = {}
        for group in groups if isinstance(groups, list) else [groups]:
            for service, role in self._settings.roles.get(str(group), {}).items():
                if service not in found or role.includes(found[service]):
                    found[service] = role
        return found


def _derived(secret: str, what: str) -> str:
    made = hmac.new(secret.encode(), what.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
