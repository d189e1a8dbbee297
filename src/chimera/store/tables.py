"""What the ledger's database looks like. A change here needs a revision in `migrations/versions`.

Times are UTC text of one width, so that they sort and hash alike on every database; JSON is text,
so that what was hashed is what is stored.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMAS = ("0001", "0002", "0003")
SCHEMA = SCHEMAS[-1]

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _text("written_by"),
    _number("journal"),
    _text("journal_head"),
)

JOURNAL = sa.Table(
    "journal",
    METADATA,
    sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("at"),
    _text("kind"),
    _text("rollout"),
    _number("events"),
    _text("events_head"),
    _number("looks"),
    _text("looks_head"),
    _text("note"),
    _text("prev_hash"),
    _text("hash"),
)

ROLLOUTS = sa.Table(
    "rollouts",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("opening", sa.BigInteger, nullable=False, unique=True),
    _text("service"),
    _text("opened_at"),
    _text("definition"),
    _text("hash"),
    _text("updated_at"),
    _text("phase"),
    _text("state"),
    sa.Column("live", sa.Boolean, nullable=False),
    _text("released"),
    _number("events"),
    _text("events_head"),
    _number("looks"),
    _text("looks_head"),
    _number("look_generation"),
    _number("look_number"),
)
sa.Index("ix_rollouts_service_opening", ROLLOUTS.c.service, ROLLOUTS.c.opening)
# The lock: a service has one live rollout, whichever process asks.
sa.Index(
    "ix_rollouts_live_service",
    ROLLOUTS.c.service,
    unique=True,
    sqlite_where=sa.text("live"),
    postgresql_where=sa.text("live"),
)


def _rollout_key() -> sa.Column[str]:
    return sa.Column("rollout", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True)


EVENTS = sa.Table(
    "events",
    METADATA,
    _rollout_key(),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("at"),
    _text("kind"),
    _text("sentence"),
    _text("event"),
    _text("state"),
    _text("prev_hash"),
    _text("hash"),
)

LOOKS = sa.Table(
    "looks",
    METADATA,
    _rollout_key(),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    _number("generation"),
    _number("number"),
    _number("step"),
    _text("at"),
    _text("verdict"),
    _text("query"),
    _text("look"),
    _text("reading", nullable=True),
    _text("judgement"),
    sa.Column("replaces", sa.BigInteger, nullable=True),
    _text("prev_hash"),
    _text("hash"),
)
sa.Index(
    "ix_looks_replaces",
    LOOKS.c.rollout,
    LOOKS.c.replaces,
    sqlite_where=sa.text("replaces IS NOT NULL"),
    postgresql_where=sa.text("replaces IS NOT NULL"),
)

RESOURCES = sa.Table(
    "resources",
    METADATA,
    sa.Column(
        "n",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    _text("kind"),
    _text("id"),
    _text("service"),
    _text("revision"),
    _text("rollout"),
    _text("detail"),
    sa.UniqueConstraint("kind", "id"),
    sa.Index("ix_resources_service", "service"),
    sqlite_autoincrement=True,
)

FENCES = sa.Table(
    "fences",
    METADATA,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("rollout", sa.Text, primary_key=True),
    _number("generation"),
)
