"""Asking a metric provider for what an operator wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answered:
    """One series of an answer: what names it, and its value now."""

    labels: Mapping[str, str]
    value: float


class QueryProvider(Protocol):
    """Answers queries in its own language.

    ProviderRefused if a query is wrong or the provider is not set up, ProviderUnavailable if there
    is no answer now. NaN and infinite values are left out: they are unknown.
    """

    async def ask(self, query: str) -> tuple[Answered, ...]:
        """Return every series of the answer, () if there is none."""

    def quote(self, value: str) -> str:
        """Return a value as it may stand between the quotes of a query."""

    async def close(self) -> None:
        """Let go of connections."""
