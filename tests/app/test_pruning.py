"""The ledger does not grow for ever: old looks go, events stay."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.eventually import eventually
from tests.support.history import NOW, entry, look, rollout

from chimera.app.controller import forget_old_looks
from chimera.app.settings import Settings
from chimera.core.errors import SpecError
from chimera.store import open_store


async def test_a_controller_forgets_old_looks_and_keeps_events(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        await store.open_rollout(rollout(), NOW)
        await store.append("r1", (entry(1),))
        await store.append_look("r1", look(0))
        age = datetime.now(UTC) - NOW
        kept = asyncio.create_task(forget_old_looks(store, age.days + 2))
        forever = asyncio.create_task(forget_old_looks(store, 0))
        await forever
        await asyncio.sleep(0.2)
        assert len(await store.looks("r1")) == 1
        kept.cancel()
        forgetting = asyncio.create_task(forget_old_looks(store, (age - timedelta(days=1)).days))

        async def gone() -> bool:
            return not await store.looks("r1")

        await eventually(gone)
        forgetting.cancel()
        assert len(await store.events("r1")) == 1
        assert (await store.verify()).ok


def test_how_long_is_a_setting(tmp_path: Path) -> None:
    home = {"CHIMERA_HOME": str(tmp_path)}
    assert Settings.from_environment(home).keep_looks_days == 90
    assert Settings.from_environment(home | {"CHIMERA_KEEP_LOOKS_DAYS": "7"}).keep_looks_days == 7
    for wrong in ("-1", "7d", "999999", "²"):
        with pytest.raises(SpecError, match="KEEP_LOOKS_DAYS") as refused:
            Settings.from_environment(home | {"CHIMERA_KEEP_LOOKS_DAYS": wrong})
        assert refused.value.hint
