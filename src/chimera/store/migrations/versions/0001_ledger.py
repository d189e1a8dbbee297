"""The ledger: rollouts, their events and looks, and the journal over them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _of_rollout(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_rollout_rollouts"
    return sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=name)


def upgrade() -> None:
    """Make the tables and the ledger's own row."""
    ledger = op.create_table(
        "ledger",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        *_text("written_by"),
        _number("journal"),
        *_text("journal_head"),
        _key("ledger", "id"),
    )
    op.create_table(
        "journal",
        sa.Column("n", sa.BigInteger, autoincrement=False, nullable=False),
        *_text("at", "kind", "rollout"),
        _number("events"),
        *_text("events_head"),
        _number("looks"),
        *_text("looks_head", "note", "prev_hash", "hash"),
        _key("journal", "n"),
    )
    _make_rollouts()
    _make_events_and_looks()
    op.bulk_insert(ledger, [{"id": 1, "written_by": "", "journal": 0, "journal_head": ""}])


def _make_rollouts() -> None:
    op.create_table(
        "rollouts",
        *_text("id"),
        _number("opening"),
        *_text("service", "opened_at", "definition", "hash", "updated_at", "phase", "state"),
        sa.Column("live", sa.Boolean, nullable=False),
        *_text("released"),
        _number("events"),
        *_text("events_head"),
        _number("looks"),
        *_text("looks_head"),
        _number("look_generation"),
        _number("look_number"),
        _key("rollouts", "id"),
        sa.UniqueConstraint("opening", name="uq_rollouts_opening"),
    )
    op.create_index("ix_rollouts_service_opening", "rollouts", ["service", "opening"])
    live = sa.text("live")
    op.create_index(
        "ix_rollouts_live_service",
        "rollouts",
        ["service"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def _make_events_and_looks() -> None:
    op.create_table(
        "events",
        *_text("rollout"),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        *_text("at", "kind", "sentence", "event", "state", "prev_hash", "hash"),
        _key("events", "rollout", "seq"),
        _of_rollout("events"),
    )
    op.create_table(
        "looks",
        *_text("rollout"),
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        _number("generation"),
        _number("number"),
        _number("step"),
        *_text("at", "verdict", "query", "look"),
        sa.Column("reading", sa.Text, nullable=True),
        *_text("judgement"),
        sa.Column("replaces", sa.BigInteger, nullable=True),
        *_text("prev_hash", "hash"),
        _key("looks", "rollout", "position"),
        _of_rollout("looks"),
    )
    replacing = sa.text("replaces IS NOT NULL")
    op.create_index(
        "ix_looks_replaces",
        "looks",
        ["rollout", "replaces"],
        sqlite_where=replacing,
        postgresql_where=replacing,
    )


def downgrade() -> None:
    """Drop everything."""
    for table in ("looks", "events", "rollouts", "journal", "ledger"):
        op.drop_table(table)
