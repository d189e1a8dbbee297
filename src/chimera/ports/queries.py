"""Asking a metric provider for what an operator wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answered:
    """One series of an answer: what names it, and its value at the moment that was asked for."""

    labels: Mapping[str, str]
    value: float


class QueryProvider(Protocol):
    """Answers queries in its own language.

    ProviderRefused if a query is wrong or the provider is not set up, ProviderUnavailable if there
    is no answer now. NaN and infinite values are left out: they are unknown.
    """

    async def ask(self, query: str, at: datetime) -> tuple[Answered, ...]:
        """Return every series as it was known at a moment, () if there is none."""

    def window(self, query: str) -> timedelta:
        """Return how much time one value of a query speaks of; 0 where `measured` knows its time.

        Values at least that far apart are told apart: none of them counts anything twice.
        """

    async def measured(self, query: str, at: datetime) -> datetime | None:
        """Return when the value that a query has at a moment was measured; None if there is none.

        Only for a query whose window is 0.
        """

    def quote(self, value: str) -> str:
        """Return a value as it may stand between the quotes of a query."""

    async def close(self) -> None:
        """Let go of connections."""
