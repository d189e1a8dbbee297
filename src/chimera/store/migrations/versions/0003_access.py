"""People: users, sessions, tokens, documents that expire, counters, and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_user_users"
    return sa.ForeignKeyConstraint(["user"], ["users.name"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Make the tables and the row that counts the trail."""
    _make_people()
    op.create_table(
        "documents",
        *_text("kind", "key", "owner", "body", "updated_at", "expires_at"),
        _key("documents", "kind", "key"),
    )
    op.create_table(
        "counters",
        *_text("key"),
        sa.Column("count", sa.BigInteger, nullable=False),
        *_text("expires_at"),
        _key("counters", "key"),
    )
    for table in ("documents", "counters"):
        op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])
    op.create_table(
        "trail",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        *_text("at", "who", "action", "target", "source", "outcome", "detail"),
        *_text("prev_hash", "hash"),
        _key("trail", "n"),
    )
    end = op.create_table(
        "trail_end",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        *_text("head"),
        _key("trail_end", "id"),
    )
    op.bulk_insert(end, [{"id": 1, "length": 0, "head": ""}])


def _make_people() -> None:
    op.create_table(
        "users",
        *_text("name", "password_hash", "grants", "provider", "provider_grants"),
        _flag("disabled"),
        *_text("created_at"),
        _key("users", "name"),
    )
    linked = sa.text("provider <> ''")
    op.create_index(
        "ix_users_provider",
        "users",
        ["provider"],
        unique=True,
        sqlite_where=linked,
        postgresql_where=linked,
    )
    op.create_table(
        "sessions",
        *_text("hash", "user", "source", "created_at", "seen_at", "expires_at"),
        _key("sessions", "hash"),
        _of_user("sessions"),
    )
    op.create_table(
        "tokens",
        *_text("id", "hash", "user", "name", "grants", "created_at", "expires_at", "used_at"),
        _flag("revoked"),
        _key("tokens", "id"),
        _of_user("tokens"),
    )
    for table in ("sessions", "tokens"):
        op.create_index(f"ix_{table}_user", table, ["user"])


def downgrade() -> None:
    """Drop them."""
    for table in ("trail_end", "trail", "counters", "documents", "tokens", "sessions", "users"):
        op.drop_table(table)
