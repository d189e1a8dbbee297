"""The real ledger under rollouts that begin, go on and end in any order: one per service."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.support.history import NOW
from tests.support.stories import TOLD

from chimera.core.errors import RolloutConflict
from chimera.core.model import Service
from chimera.core.plan import Rollout
from chimera.core.state import Phase, State
from chimera.ports.ledger import Entry
from chimera.store import Store, open_store

_T = TypeVar("_T")
NAMES = ("preparing", "rolled_back", "aborted", "warm", "reverted", "left_behind")
STORIES = {name: TOLD[name]() for name in NAMES}
SERVICES = st.sampled_from(("shop", "till"))


@dataclass
class Told:
    """A rollout whose events are written down one by one."""

    rollout: Rollout
    entries: tuple[Entry, ...]
    written: int = 0

    @property
    def state(self) -> State:
        return self.entries[self.written - 1].state if self.written else State()


class Services(RuleBasedStateMachine):
    """What the ledger should know: who holds which service."""

    store: Store
    loop: asyncio.AbstractEventLoop
    numbers = itertools.count()

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.place = f"e{next(self.numbers)}"
        self.told: list[Told] = []

    def name(self, service: str) -> str:
        return f"{service}-{self.place}"

    def fresh(self, service: str, story: str) -> Rollout:
        its = Service(self.name(service), "memory")
        return replace(STORIES[story].rollout, id=f"r{next(self.numbers)}", service=its)

    def holder(self, service: str) -> Told | None:
        mine = [one for one in self.told if one.rollout.service.name == self.name(service)]
        return next((one for one in mine if not one.state.over), None)

    @rule(service=SERVICES, story=st.sampled_from(sorted(STORIES)))
    def a_rollout_is_opened(self, service: str, story: str) -> None:
        fresh, holder = self.fresh(service, story), self.holder(service)
        if holder is not None:
            with pytest.raises(RolloutConflict) as refused:
                self.do(self.store.open_rollout(fresh, NOW))
            assert refused.value.rollout == holder.rollout.id
        else:
            self.do(self.store.open_rollout(fresh, NOW))
            self.told.append(Told(fresh, tuple(STORIES[story].entries)))

    @rule(which=st.integers(0, 99), events=st.integers(1, 9))
    def one_goes_on(self, which: int, events: int) -> None:
        if not self.told:
            return
        one = self.told[which % len(self.told)]
        part = one.entries[one.written : one.written + events]
        self.do(self.store.append(one.rollout.id, part))
        one.written += len(part)

    @rule(service=SERVICES)
    def it_is_cleaned_up(self, service: str) -> None:
        holder = self.holder(service)
        busy = holder is not None and holder.state.phase is not Phase.CLEANUP_INCOMPLETE
        held = False

        async def clean() -> None:
            nonlocal held
            async with self.store.held(self.name(service), "maintenance"):
                held = True
                if holder is None:
                    with pytest.raises(RolloutConflict, match="being cleaned up"):
                        await self.store.open_rollout(self.fresh(service, "preparing"), NOW)

        with suppress(RolloutConflict):
            self.do(clean())
        assert held is not busy

    @invariant()
    def each_service_has_at_most_the_one_that_is_not_over(self) -> None:
        if not hasattr(self, "place"):
            return
        for service in ("shop", "till"):
            holder = self.holder(service)
            live = self.do(self.store.find(self.name(service), live=True))
            assert [row.id for row in live] == ([holder.rollout.id] if holder else [])


def test_a_service_has_one_rollout_at_a_time(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    store = open_store(f"sqlite:///{tmp_path / 'ledger.db'}")
    loop.run_until_complete(store.open())
    try:
        made = type("Made", (Services,), {"store": store, "loop": loop})
        quick = settings(max_examples=12, stateful_step_count=20)
        run_state_machine_as_test(made, settings=quick)
        assert loop.run_until_complete(store.verify()).ok
    finally:
        loop.run_until_complete(store.close())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
