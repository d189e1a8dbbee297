"""The inventory: what was made and not removed, and the fences of those who write."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "resources",
        sa.Column(
            "n",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        *_text("kind", "id", "service", "revision", "rollout", "detail"),
        sa.PrimaryKeyConstraint("n", name="pk_resources"),
        sa.UniqueConstraint("kind", "id", name="uq_resources_kind_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_resources_service", "resources", ["service"])
    op.create_table(
        "fences",
        *_text("service", "rollout"),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("service", "rollout", name="pk_fences"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("fences")
    op.drop_table("resources")
