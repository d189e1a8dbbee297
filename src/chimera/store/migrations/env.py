"""How Alembic runs our revisions: inside the caller's transaction, all of them or none."""

from alembic import context

from chimera.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
context.run_migrations()
