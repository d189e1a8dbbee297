"""Drafts in the store: each belongs to one person and ends by itself after a week."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from chimera.store.documents import Document, Documents
from chimera.web.wizard.draft import Draft

KIND = "draft"
LIFE = timedelta(days=7)


async def begin(documents: Documents, owner: str) -> Draft:
    """Return a new draft of somebody, kept."""
    draft = Draft(id=secrets.token_urlsafe(9), owner=owner)
    await keep(documents, draft)
    return draft


async def keep(documents: Documents, draft: Draft) -> None:
    """Write a draft down."""
    until = datetime.now(UTC) + LIFE
    await documents.put(Document(KIND, draft.id, draft.model_dump_json(), draft.owner, until))


async def find(documents: Documents, key: str, owner: str) -> Draft | None:
    """Return somebody's own draft; nobody sees another's."""
    found = await documents.get(KIND, key)
    if found is None or found.owner != owner:
        return None
    return Draft.model_validate_json(found.body)
