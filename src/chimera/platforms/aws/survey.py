"""One look at an account and region: asking for lists, and saying which may not be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from chimera.core.errors import ProviderDenied
from chimera.platforms.aws.found import Found
from chimera.platforms.aws.session import Account

T = TypeVar("T")


class Survey:
    """What was found so far, in the order in which it was asked for."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.found: list[Found] = []
        self._hidden: set[str] = set()

    def add(
        self,
        kind: str,
        name: str,
        inside: str = "",
        why: str = "",
        *,
        hint: str = "",
        settings: Mapping[str, str] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """Note one thing."""
        region = self.account.region
        self.found.append(Found(kind, name, inside, why, hint, region, settings or {}, facts or {}))

    async def pages(
        self, kind: str, method: Callable[..., Any], key: str, /, **ask: Any
    ) -> list[Any]:
        """Return a list, or note that it may not be read."""
        try:
            return await self.account.pages(method, key, **ask)
        except ProviderDenied as error:
            self.add(kind, "?", why="it may not be listed", hint=error.hint)
            self._hidden.add(kind)
            return []

    def hidden(self, kind: str) -> bool:
        """Whether what is not found of a kind may be there nevertheless."""
        return kind in self._hidden

    async def one(self, kind: str, name: str, method: Callable[..., Any], **ask: Any) -> Any:
        """Return an answer, None if it may not be read, which is noted."""
        return await self.tried(kind, name, self.account.call(method, **ask))

    async def tried(self, kind: str, name: str, asking: Awaitable[T]) -> T | None:
        """Return what was asked for, None if it may not be read, which is noted."""
        try:
            return await asking
        except ProviderDenied as error:
            self.add(kind, name, why="it may not be read", hint=error.hint)
            return None
