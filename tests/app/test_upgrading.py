"""A newer Chimera beside a controller that an older one started."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from chimera.app.lock import Controller, hold_controller_lock
from chimera.app.operations import open_chimera
from chimera.app.settings import Settings
from chimera.core.errors import LedgerError
from chimera.store import migrations, open_store


async def test_a_ledger_is_not_migrated_under_an_older_controller(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    async with open_store(settings.ledger_url):
        pass
    engine = sa.create_engine(settings.ledger_url)
    with engine.begin() as connection:
        migrations.downgrade(connection, "0001")
    engine.dispose()
    with hold_controller_lock(tmp_path) as lock:
        lock.announce(Controller(os.getpid(), "now", "0.0.0"))
        with pytest.raises(LedgerError, match="older schema") as refused:
            async with open_chimera(settings):
                pass
        assert "stop the controller" in refused.value.hint
    async with open_chimera(settings) as chimera:
        assert not await chimera.history()
