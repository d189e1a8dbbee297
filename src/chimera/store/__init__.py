"""The ledger and the inventory: what happened, and what was made. SQLite, or PostgreSQL."""

from chimera.store.rows import EventRow, LookRow, RolloutRow, Verification
from chimera.store.store import Store, open_store, sqlite_url

__all__ = ["EventRow", "LookRow", "RolloutRow", "Store", "Verification", "open_store", "sqlite_url"]
