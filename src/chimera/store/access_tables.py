"""What the database knows of people: users, sessions, tokens, what waits for them, the audit trail.

No password, session or token is in it, only hashes; secrets are there encrypted.
"""

from __future__ import annotations

import sqlalchemy as sa

from chimera.store.tables import METADATA


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


USERS = sa.Table(
    "users",
    METADATA,
    _key("name"),
    _text("password_hash"),
    _text("grants"),
    _text("provider"),
    _text("provider_grants"),
    sa.Column("disabled", sa.Boolean, nullable=False),
    _text("created_at"),
)
# One account per identity of a provider; "" is a local user.
sa.Index(
    "ix_users_provider",
    USERS.c.provider,
    unique=True,
    sqlite_where=sa.text("provider <> ''"),
    postgresql_where=sa.text("provider <> ''"),
)


def _user_key() -> sa.Column[str]:
    key = sa.ForeignKey("users.name", ondelete="CASCADE")
    return sa.Column("user", sa.Text, key, nullable=False)


SESSIONS = sa.Table(
    "sessions",
    METADATA,
    _key("hash"),
    _user_key(),
    _text("source"),
    _text("created_at"),
    _text("seen_at"),
    _text("expires_at"),
    sa.Index("ix_sessions_user", "user"),
)

TOKENS = sa.Table(
    "tokens",
    METADATA,
    _key("id"),
    _text("hash"),
    _user_key(),
    _text("name"),
    _text("grants"),
    _text("created_at"),
    _text("expires_at"),
    _text("used_at"),
    sa.Column("revoked", sa.Boolean, nullable=False),
    sa.Index("ix_tokens_user", "user"),
)

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    _key("kind"),
    _key("key"),
    _text("owner"),
    _text("body"),
    _text("updated_at"),
    _text("expires_at"),
    sa.Index("ix_documents_expires_at", "expires_at"),
)

COUNTERS = sa.Table(
    "counters",
    METADATA,
    _key("key"),
    sa.Column("count", sa.BigInteger, nullable=False),
    _text("expires_at"),
    sa.Index("ix_counters_expires_at", "expires_at"),
)

TRAIL = sa.Table(
    "trail",
    METADATA,
    sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("at"),
    _text("who"),
    _text("action"),
    _text("target"),
    _text("source"),
    _text("outcome"),
    _text("detail"),
    _text("prev_hash"),
    _text("hash"),
)

TRAIL_END = sa.Table(
    "trail_end",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("length", sa.BigInteger, nullable=False),
    _text("head"),
)
