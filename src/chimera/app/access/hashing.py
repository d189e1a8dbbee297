"""Random strings that open doors, and the hashes of them that are kept instead."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """Return 256 random bits as text that is safe in a URL and a cookie."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the hash to keep of a random secret; a fast one will do, it cannot be guessed."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
