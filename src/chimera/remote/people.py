"""The people of another Chimera, over its API. Who acts is the owner of the token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from chimera.app.access import Entry, TokenView, UserView
from chimera.app.access.users import NAME
from chimera.app.login import Login
from chimera.app.masking import adapter
from chimera.app.people import Grants
from chimera.core.access import format_grants, parse_grants
from chimera.core.errors import NotAllowed, RolloutNotFound, SpecError
from chimera.remote.client import ApiClient, Tell, quoted

T = TypeVar("T")
_PAGE = 1_000
Plain = dict[str, Any]


class RemotePeople:
    """Asks and changes them there."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def users(self) -> Sequence[UserView]:
        """Return every account, by name."""
        return [_user(one) for one in await self._client.get(list[Plain], "/users")]

    async def add_user(self, name: str, grants: Grants, *, password: str = "") -> UserView:
        """Add an account; SpecError if the name is taken."""
        body = {"name": name, "roles": format_grants(grants), "password": password}
        return _user(await self._client.write(Plain, "/users", body))

    async def grant(self, name: str, grants: Grants) -> UserView:
        """Replace what an admin granted an account; at least one admin stays."""
        return await self._change(name, {"roles": format_grants(grants)})

    async def set_disabled(self, name: str, *, disabled: bool) -> UserView:
        """Disable an account and end its sessions, or enable it; at least one admin stays."""
        return await self._change(name, {"disabled": disabled})

    async def set_password(self, name: str, password: str) -> None:
        """Set a password and end the account's sessions."""
        await self._change(name, {"password": password})

    async def _change(self, name: str, change: Plain) -> UserView:
        with _unknown("user"):
            return _user(await self._client.write(Plain, _place(name), change, method="PATCH"))

    async def link(self, name: str, *, hours: int) -> str:
        """Return the URL that signs an account in once, at the address of the page there."""
        with _unknown("user"):
            made = await self._client.write(Plain, f"{_place(name)}/link", {"hours": hours})
        return str(made["url"])

    async def tokens(self, user: str = "") -> Sequence[TokenView]:
        """Return the tokens of an account, or everybody's; of who is not admin, one's own."""
        if user:
            return await self._tokens(user=user)
        try:
            return await self._tokens(all=True)
        except NotAllowed:
            return await self._tokens()

    async def _tokens(self, **wanted: Any) -> Sequence[TokenView]:
        found = await self._client.get(list[Plain], "/tokens", **wanted)
        return [_token(one) for one in found]

    async def make_token(
        self, user: str, name: str, grants: Grants, *, days: int
    ) -> tuple[str, TokenView]:
        """Return a new token, shown this once, and its view. grants: empty is all its owner's."""
        body: Plain = {"user": user, "name": name, "days": days}
        if grants:
            body["roles"] = format_grants(grants)
        made = await self._client.write(Plain, "/tokens", body)
        return str(made["secret"]), _token(made["token"])

    async def revoke(self, token: str) -> None:
        """Revoke the token of that id for good."""
        if not token.isalnum():
            raise SpecError(f"no token '{token}'", hint="`chimera token list` shows their ids")
        with _unknown("token"):
            await self._client.write(type(None), f"/tokens/{quoted(token)}", method="DELETE")

    async def trail(self, *, limit: int) -> Sequence[Entry]:
        """Return the audit trail's entries, the newest first."""
        found: list[Entry] = []
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            before = found[-1].n if found else None
            page = await self._client.get(list[Entry], "/audit/trail", limit=size, before=before)
            found += page
            if len(page) < size or page[-1].n == 1:
                break
        return found


@contextmanager
def _unknown(kind: str) -> Iterator[None]:
    """Say of a user or token that is not there what the command line says of its own."""
    try:
        yield
    except RolloutNotFound as error:
        hint = f"`chimera {kind} list` shows which there are"
        raise SpecError(str(error), hint=hint) from None


def _place(name: str) -> str:
    if not NAME.fullmatch(name):
        raise SpecError(f"no user '{name}'", hint="`chimera user list` names them")
    return f"/users/{quoted(name)}"


def _user(said: Plain) -> UserView:
    return _view(UserView, said)


def _token(said: Plain) -> TokenView:
    return _view(TokenView, said)


def _view(kind: type[T], said: Plain) -> T:
    """Return a view of what the API says, which writes grants as people do."""
    made: T = adapter(kind).validate_python({**said, "grants": parse_grants(said["roles"])})
    return made


@asynccontextmanager
async def open_remote_people(login: Login, tell: Tell) -> AsyncIterator[RemotePeople]:
    """Connect to another Chimera; disconnect at the end. tell: hears what takes long."""
    client = ApiClient(login, tell)
    try:
        yield RemotePeople(client)
    finally:
        await client.close()
