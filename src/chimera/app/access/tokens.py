"""API tokens, `chm_ID_SECRET`: scoped, expiring, revocable; only a hash of the secret is kept."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from chimera.app.access.audit import Audit
from chimera.app.access.hashing import digest
from chimera.app.access.limits import WINDOW, Attempts
from chimera.app.access.reports import Actor, TokenView
from chimera.app.access.users import grants_of
from chimera.core.access import Kind, Principal, Role, format_grants, narrowed
from chimera.core.errors import NotAllowed, NotSignedIn, SpecError
from chimera.store.people import People, TokenRow

PREFIX = "chm_"
LONGEST = timedelta(days=366)
CACHED_S = 2.0
_MOST_CACHED = 10_000
_WRONG_PER_SOURCE = 100


class Tokens:
    """Makes, finds and revokes tokens."""

    def __init__(self, people: People, attempts: Attempts, audit: Audit) -> None:
        self._people = people
        self._attempts = attempts
        self._audit = audit
        self._cache: dict[str, tuple[float, Principal]] = {}

    async def create(
        self, user: str, name: str, grants: Mapping[str, Role], *, valid: timedelta, by: Actor
    ) -> tuple[str, TokenView]:
        """Return a new token, which is shown this once, and its view.

        grants: at most its owner's; NotAllowed otherwise.
        """
        owner = await self._people.user(user)
        if owner is None or owner.disabled:
            raise SpecError(f"no user '{user}'", hint="`chimera user list` names them")
        if not timedelta(0) < valid <= LONGEST:
            raise SpecError("a token is valid for 1 to 366 days", hint="give it fewer days")
        if not 0 < len(name.strip()) <= 100:
            raise SpecError("a token needs a name", hint="name what uses it, e.g. ci")
        if not grants or narrowed(grants, grants_of(owner)) != dict(grants):
            raise NotAllowed(
                f"{user} may not give a token {', '.join(format_grants(grants)) or 'nothing'}",
                hint=f"{user} has {', '.join(format_grants(grants_of(owner))) or 'no role'}",
            )
        secret, id_, now = secrets.token_hex(24), secrets.token_hex(6), datetime.now(UTC)
        row = TokenRow(id_, digest(secret), user, name.strip(), dict(grants), now, now + valid)
        await self._people.add_token(row)
        detail = f"{row.name} of {user}: {', '.join(format_grants(grants))}"
        await self._audit.note(by, "token.create", id_, detail=detail)
        return f"{PREFIX}{id_}_{secret}", _view(row)

    async def find(self, text: str, *, source: str) -> Principal:
        """Return who a token stands for; NotSignedIn if not valid, TooMany after many such."""
        key = digest(text)
        cached = self._cache.get(key)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        self._cache.pop(key, None)
        principal = await self._check(text)
        if principal is None:
            limits = {f"token:from:{source}": _WRONG_PER_SOURCE}
            await self._attempts.within(limits, WINDOW, "too many tokens that are not valid")
            raise NotSignedIn(
                "this token is unknown, revoked or expired",
                hint="`chimera token list` shows yours, `chimera token create` makes a new one",
            )
        if len(self._cache) >= _MOST_CACHED:
            self._cache.clear()
        self._cache[key] = (time.monotonic() + CACHED_S, principal)
        return principal

    async def _check(self, text: str) -> Principal | None:
        id_, _, secret = text.removeprefix(PREFIX).partition("_")
        if not text.startswith(PREFIX) or not secret:
            return None
        found = await self._people.token(id_)
        if found is None:
            return None
        row, owner = found
        now = datetime.now(UTC)
        valid = not row.revoked and not owner.disabled and now < row.expires_at
        if not hmac.compare_digest(row.hash, digest(secret)) or not valid:
            return None
        if row.used_at is None or now - row.used_at > timedelta(minutes=1):
            await self._people.see_token(row.id, now)
        grants = narrowed(row.grants, grants_of(owner))
        return Principal(f"token {row.name} of {owner.name}", Kind.TOKEN, grants, owner.name)

    async def all(self, user: str = "") -> Sequence[TokenView]:
        """Return the tokens of an account, or all of them, the newest first."""
        return [_view(row) for row in await self._people.tokens(user)]

    async def revoke(
        self, id_: str, *, by: Actor, of: str = "", within: Mapping[str, Role] | None = None
    ) -> None:
        """Revoke a token for good; SpecError if unknown.

        of: only if it belongs to that account. within: only if it may do no more than this,
        NotAllowed otherwise.
        """
        found = await self._people.token(id_)
        if found is None or (of and found[0].user != of):
            raise SpecError(f"no token '{id_}'", hint="`chimera token list` shows their ids")
        row, owner = found
        mine = narrowed(row.grants, grants_of(owner))
        if within is not None and narrowed(mine, within) != mine:
            raise NotAllowed(
                f"the token {row.name} may do more than what asks to revoke it",
                hint="revoke it as a user, on the settings page",
            )
        await self._people.revoke_token(id_)
        self.forget()
        await self._audit.note(by, "token.revoke", id_, detail=f"{row.name} of {row.user}")

    def forget(self) -> None:
        """Read every token anew."""
        self._cache.clear()


def _view(row: TokenRow) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        user=row.user,
        grants=row.grants,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked=row.revoked,
    )
