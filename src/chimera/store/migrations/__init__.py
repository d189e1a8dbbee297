"""The schema's history, one revision per file in `versions`; see `chimera.store.schema`."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Bring the schema up to `revision`, in the transaction that `connection` is in."""
    command.upgrade(configured(connection), revision)


def downgrade(connection: sa.Connection, revision: str) -> None:
    """Take the schema back to an older `revision`, in the transaction that `connection` is in."""
    command.downgrade(configured(connection), revision)


def configured(connection: sa.Connection) -> Config:
    """Return Alembic's configuration for an open connection; no alembic.ini is needed."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
