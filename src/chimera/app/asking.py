"""What can be asked of the ledger and of this machine: it works while no controller runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chimera import __version__
from chimera.app import reading, replaying
from chimera.app.diagnosis import diagnose
from chimera.app.engines import Engines
from chimera.app.feeds import MOST_LIVE, RECENT, House
from chimera.app.live import LiveHub
from chimera.app.lock import Controller, find_controller
from chimera.app.picturing import Pictures
from chimera.app.reports import Line, LookView, Measures, Replay, Report, RolloutView, ServiceView
from chimera.app.settings import Settings
from chimera.core.access import Principal
from chimera.core.errors import LedgerError, UnknownAdapter
from chimera.core.spec import Spec, plan_of, service_of
from chimera.core.state import Phase
from chimera.platforms.catalog import Catalog
from chimera.ports.platform import Check
from chimera.store import Store

_MOST_MEASURED = 2_000


class Asking:
    """The half of `Chimera` that changes nothing."""

    def __init__(self, settings: Settings, store: Store, catalog: Catalog) -> None:
        self.settings = settings
        self._store = store
        self._catalog = catalog
        self._pictures = Pictures(catalog)
        self.engines = Engines(settings)

    async def status(self, ref: str) -> RolloutView:
        """Return one rollout; RolloutNotFound lists what exists."""
        return self._attended(reading.view(await reading.resolve(self._store, ref)))

    async def history(
        self,
        *,
        service: str = "",
        live: bool | None = None,
        phase: Iterable[Phase] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RolloutView]:
        """Return rollouts, newest first. before: an id, only what was opened earlier."""
        rows = await self._store.find(
            service=service, live=live, phase=phase, limit=limit, before=before
        )
        return [self._attended(reading.view(row)) for row in rows]

    async def history_for(self, who: Principal, **wanted: Any) -> Sequence[RolloutView]:
        """Return those rollouts that somebody may see. wanted: as of `history`."""
        rows = await self._store.find(**wanted, among=who.services)
        return [self._attended(reading.view(row)) for row in rows]

    async def house_for(self, who: Principal) -> House:
        """Return what is live and what ended last of what somebody may see."""
        live = await self.history_for(who, live=True, limit=MOST_LIVE)
        recent = await self.history_for(who, live=False, limit=RECENT)
        return House(tuple(live), tuple(recent))

    async def seen(self, house: House, who: Principal) -> House:
        """Return of a house what somebody may see: made once for all with the same services."""
        names = who.services
        if names is None:
            return house
        key = f"seen:{','.join(sorted(names))}"
        if key not in house.memo:
            house.memo[key] = await self._seen(house, who, names)
        made: House = house.memo[key]
        return made

    async def _seen(self, house: House, who: Principal, names: Collection[str]) -> House:
        trouble = house.trouble
        if not trouble:
            try:
                return await self.house_for(who)
            except LedgerError as error:
                trouble = str(error)
        live, recent = (
            tuple(one for one in views if one.rollout.service.name in names)
            for views in (house.live, house.recent)
        )
        return House(live, recent, trouble)

    async def services(self) -> Sequence[ServiceView]:
        """Return every service, by name."""
        return await reading.services(self._store, self._catalog)

    async def lines(self, ref: str, *, after: int = 0) -> Sequence[Line]:
        """Return a rollout's events with a number above `after`, oldest first."""
        row = await reading.resolve(self._store, ref)
        return [reading.line(one) for one in await self._store.events(row.id, after=after)]

    async def looks(
        self, ref: str, *, after: int = 0, limit: int | None = None, last: int | None = None
    ) -> Sequence[LookView]:
        """Return a rollout's looks with a number above `after`, oldest first, at most `limit`.

        last: of the youngest that many only.
        """
        row = await reading.resolve(self._store, ref)
        if last is not None:
            after = max(after, row.looks - last)
        rows = await self._store.looks(row.id, after=after, limit=limit)
        return [reading.look_view(one) for one in rows]

    async def follow(
        self, ref: str
    ) -> AsyncIterator[tuple[RolloutView, Sequence[Line], Sequence[LookView]]]:
        """Yield the rollout and what is new, at once and on every change, until it is over."""
        row = await reading.resolve(self._store, ref)
        async for news in reading.follow(self._store, row.id, self._attended):
            yield news

    async def report(self, ref: str) -> Report:
        """Return all that was decided in a rollout, when and why."""
        row = await reading.resolve(self._store, ref)
        return Report(
            rollout=self._attended(reading.view(row)),
            lines=tuple(reading.line(one) for one in await self._store.events(row.id)),
            looks=tuple(reading.look_view(one) for one in await self._store.looks(row.id)),
            made_at=datetime.now(UTC),
            made_by=f"Chimera {__version__}",
        )

    async def picture(self, view: RolloutView) -> bytes | None:
        """Return the graph that a rollout's metrics draw themselves, PNG; None if there is none."""
        return await self._pictures.of(view)

    async def replay(self, ref: str, spec: Spec | None = None) -> Replay:
        """Judge a recorded rollout again, under another spec if given."""
        row = await reading.resolve(self._store, ref)
        rows = await self._store.looks(row.id)
        views = [reading.look_view(one) for one in rows]
        plan = plan_of(spec) if spec is not None else row.rollout.plan
        return replaying.replay(reading.view(row), plan, rows, views)

    async def drives(self) -> bool:
        """Whether any rollout is live that is driven here."""
        return bool(await self._store.find(live=True, limit=1, engines=self.engines.known))

    def _attended(self, view: RolloutView) -> RolloutView:
        if not view.state.over and not self.engines.drive(view.engine):
            if view.unattended:  # it was let go of
                return view
            return replace(view, elsewhere=reading.elsewhere(view.rollout.id, view.engine))
        mine = not view.state.over and not view.unattended and self.settings.engine.embedded
        alone = mine and self.controller() is None
        if not alone:
            return view
        leased = self.leased(view.rollout.service.platform)
        return replace(view, unattended=reading.unattended(view, leased=leased))

    def leased(self, platform: str) -> bool:
        """Whether a platform takes a canary's weight back by itself; no for an unknown one."""
        try:
            return self._catalog.get(platform).router.leased
        except UnknownAdapter:
            return False

    async def measure(self) -> Measures:
        """Return what there is to monitor now."""
        rows = await self._store.find(live=True, limit=_MOST_MEASURED)
        looks = await self._store.last_looks()
        return Measures(
            live=tuple(
                (
                    self._attended(reading.view(row)),
                    row.looks,
                    reading.look_view(looks[row.id]) if row.id in looks else None,
                )
                for row in rows
            ),
            endings=await self._store.endings(),
            controller=self.controller() is not None,
        )

    async def reachable(self) -> None:
        """Raise LedgerError unless the ledger answers."""
        await self._store.pulse()

    def hub(self) -> LiveHub:
        """Return what serves all who watch rollouts live in this process; to be closed."""
        return LiveHub(self._store, self._attended)

    async def verify(self) -> tuple[bool, str]:
        """Check the ledger's hash chain: whether it holds, and what was found, in a sentence."""
        found = await self._store.verify()
        return found.ok, f"{found.rows} rows checked: {found.sentence}"

    async def doctor(self, platform: str = "", spec: Spec | None = None) -> Sequence[Check]:
        """Check that everything Chimera needs is here.

        spec: check all that a rollout by it needs, as whom and where it says, too.
        """
        service = service_of(spec) if spec is not None else None
        return await diagnose(self.settings, self._store, self._catalog, platform, service)

    def controller(self) -> Controller | None:
        """Return the controller that runs on this data folder, or None."""
        return find_controller(self.settings.home)
