"""A service that is held for maintenance: no rollout begins on it, and no hold lasts for ever."""

from datetime import timedelta

import pytest
from tests.support.history import NOW, entry, rollout

from chimera.core.errors import RolloutConflict
from chimera.core.state import Phase
from chimera.store import Store, holds


async def test_no_rollout_begins_on_a_held_service(store: Store) -> None:
    async with store.held("logo", "maintenance-1"):
        with pytest.raises(RolloutConflict, match="being cleaned up or removed") as found:
            await store.open_rollout(rollout("r1"), NOW)
        assert "try again in a moment" in found.value.hint
        await store.open_rollout(rollout("r2", service="other"), NOW)
    await store.open_rollout(rollout("r1"), NOW)


async def test_a_service_with_a_rollout_cannot_be_held(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    with pytest.raises(RolloutConflict, match="rollout r1 holds 'logo'") as found:
        async with store.held("logo", "maintenance-1"):
            pytest.fail("it was held")
    assert found.value.rollout == "r1"


async def test_a_cleanup_that_did_not_finish_does_not_stand_in_the_way(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    await store.append("r1", (entry(1, Phase.CLEANUP_INCOMPLETE),))
    async with store.held("logo", "maintenance-1"):
        pass


async def test_one_holder_at_a_time_but_the_same_one_again(store: Store) -> None:
    async with store.held("logo", "maintenance-1"):
        with pytest.raises(RolloutConflict, match="maintenance-1"):
            async with store.held("logo", "maintenance-2"):
                pytest.fail("it was held twice")
        async with store.held("logo", "maintenance-1"):  # tried again after a crash
            pass
    async with store.held("logo", "maintenance-2"):
        pass


async def test_a_hold_whose_holder_was_killed_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "LONGEST", timedelta(0))
    async with store.held("logo", "maintenance-1"):
        await store.open_rollout(rollout("r1"), NOW)


async def test_it_ends_when_what_is_done_meanwhile_fails(store: Store) -> None:
    with pytest.raises(ValueError, match="a bug"):
        async with store.held("logo", "maintenance-1"):
            raise ValueError("a bug")
    await store.open_rollout(rollout("r1"), NOW)
