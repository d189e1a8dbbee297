"""Drafts in the store: each belongs to one person and ends by itself after a week.

They are encrypted, since the spec that one starts from may hold passwords for its environment.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from chimera.app.access import Access
from chimera.core.errors import SecretsLocked
from chimera.store.documents import Document
from chimera.web.wizard.draft import Draft

KIND = "draft"
LIFE = timedelta(days=7)


async def begin(access: Access, owner: str) -> Draft:
    """Return a new draft of somebody, kept."""
    draft = Draft(id=secrets.token_urlsafe(9), owner=owner)
    await keep(access, draft)
    return draft


async def keep(access: Access, draft: Draft) -> None:
    """Write a draft down."""
    until = datetime.now(UTC) + LIFE
    body = await access.vault.seal(f"{KIND} {draft.id}", draft.model_dump_json())
    await access.documents.put(Document(KIND, draft.id, body, draft.owner, until))


async def find(access: Access, key: str, owner: str) -> Draft | None:
    """Return somebody's own draft; nobody sees another's, nor one whose key is gone."""
    found = await access.documents.get(KIND, key)
    if found is None or found.owner != owner:
        return None
    try:
        body = await access.vault.unseal(f"{KIND} {key}", found.body)
    except SecretsLocked:
        return None
    return Draft.model_validate_json(body)
