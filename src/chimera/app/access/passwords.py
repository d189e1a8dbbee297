"""Passwords: argon2id, in threads, never more than a few at a time."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chimera.core.errors import SpecError

SHORTEST, LONGEST = 12, 1_000
_AT_ONCE = 2  # each takes 64 MiB and four lanes for about a tenth of a second


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return the hash to keep; SpecError for a password that is too short."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise SpecError(
                f"a password has at least {SHORTEST} characters", hint="a few random words are good"
            )
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, hashed: str) -> bool:
        """Whether the password is the one; for no hash at all it takes as long to say no."""
        async with self._turn:
            return await asyncio.to_thread(self._fits, password[: LONGEST + 1], hashed)

    def _fits(self, password: str, hashed: str) -> bool:
        try:
            self._hasher.verify(hashed or _of_nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(hashed)

    def outdated(self, hashed: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)


@cache
def _of_nobody() -> str:
    return PasswordHasher().hash("the password of nobody")
