"""Finding what nobody needs any more: resources of no live rollout and of no stable version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chimera.app.engines import Engines
from chimera.app.reports import Answer, Sweep
from chimera.core.errors import ProviderError, RolloutConflict
from chimera.core.model import Resource, Revision, Service
from chimera.core.state import Phase
from chimera.core.words import count
from chimera.platforms.catalog import Catalog
from chimera.ports.platform import Platform
from chimera.ports.sweeping import Sweeping
from chimera.store import RolloutRow, Store

if TYPE_CHECKING:
    from chimera.engine.client import EngineClient


@dataclass(frozen=True, slots=True)
class Orphans:
    """What `gc` may remove of one service: revisions and the resources left of them.

    rollouts: those that left something of the revision that another rollout made stable.
    """

    service: Service
    revisions: tuple[Revision, ...]
    resources: tuple[Resource, ...]
    rollouts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found; in a sentence each, where nobody could look and what others look after."""

    orphans: tuple[Orphans, ...]
    unseen: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


async def find_orphans(
    store: Store, catalog: Catalog, engines: Engines, service: str = ""
) -> Findings:
    """Compare the inventory with the live rollouts and the stable versions.

    What only a platform's tags tell of is taken into the inventory first; nothing else is changed.
    A service that was deployed to several places, such as another cluster, is looked at in each.

    engines: what rollouts of others have made is left to them: it may run on another machine.
    service: only this one's. A service that a rollout holds has no orphans: its canary may have the
    name of one that was left over, and the version before is kept warm to be reverted to.
    """
    places, others = await _places(store, engines, service)
    unseen = await _take_in(store, catalog, places)
    made = await store.inventory.find(service=service)
    resources = [one for one in made if one.rollout not in others]
    found = []
    for name in sorted({resource.service for resource in resources} & places.keys()):
        if await store.live(name) is not None:
            continue
        mine = [one for one in resources if one.service == name]
        for place in places[name]:
            here = tuple(one for one in mine if places[name].of(one) is place)
            if not here:
                continue
            try:
                found.append(await _orphans(catalog, place, here))
            except ProviderError as error:
                unseen[name] = _unseen(name, error)
    left = tuple(one for one in found if one.resources)
    return Findings(left, tuple(unseen.values()), _elsewhere(made, others))


async def _orphans(catalog: Catalog, place: _Place, resources: tuple[Resource, ...]) -> Orphans:
    service = place.service
    platform = catalog.get(service.platform)
    stable = await platform.orchestrator.stable(service)
    kept = {"", stable.name if stable else ""}
    left = tuple(one for one in resources if one.revision not in kept)
    names = sorted({one.revision for one in left})
    revisions = tuple(place.known.get(one, Revision(one)) for one in names)
    named = tuple(one for one in resources if stable and one.revision == stable.name)
    alike = await _namesakes(platform, service, named)
    rollouts = tuple(sorted({one.rollout for one in alike}))
    return Orphans(service, revisions, (*left, *alike), rollouts)


async def _namesakes(
    platform: Platform, service: Service, named: tuple[Resource, ...]
) -> tuple[Resource, ...]:
    """Return what bears the stable revision's name, but was made by a rollout that failed."""
    made = tuple(one for one in named if one.rollout and not one.detail.get("adopted"))
    if not made or not isinstance(platform, Sweeping):
        return ()
    origin = await platform.origin(service)
    return tuple(one for one in made if one.rollout != origin)


async def sweep(
    store: Store,
    catalog: Catalog,
    connect: Callable[[], Awaitable[EngineClient]],
    engines: Engines,
    service: str = "",
    *,
    dry_run: bool = False,
) -> Sweep:
    """Find orphans, and unless `dry_run` have the controller remove them."""
    seen = await find_orphans(store, catalog, engines, service)
    found = tuple(resource for one in seen.orphans for resource in one.resources)
    if dry_run or not found:
        return Sweep(found, unseen=seen.unseen, elsewhere=seen.elsewhere)
    from chimera.engine.maintenance import Maintenance, maintain

    client = await connect()
    removed: list[Resource] = []
    left: list[Resource] = []
    unseen = list(seen.unseen)
    for name in dict.fromkeys(one.service.name for one in seen.orphans):
        # Looked at again: a rollout may have begun while the controller was started.
        for one in (await find_orphans(store, catalog, engines, name)).orphans:
            wanted = Maintenance(service=one.service, remove=one.revisions, rest_of=one.rollouts)
            try:
                done = await maintain(client, wanted)
            except RolloutConflict as error:  # it has just begun
                unseen.append(f"{name} was left alone: {error}")
                continue
            removed += done.removed
            left += done.left
    return Sweep(found, tuple(removed), tuple(left), tuple(unseen), seen.elsewhere)


async def refuse_taken(store: Store, engines: Engines, last: RolloutRow) -> None:
    """Raise RolloutConflict if a service is not one's own to remove, or a rollout holds it.

    last: its last rollout. Where it is removed that is looked at once more, and then held.
    """
    if not engines.drive(last.engine):
        raise RolloutConflict(
            f"{last.service} belongs to another controller, {last.engine}",
            hint="run `chimera down` there",
        )
    live = await store.live(last.service)
    if live is not None and live.state.phase is not Phase.CLEANUP_INCOMPLETE:
        raise RolloutConflict(
            f"rollout {live.id} holds {live.service}",
            rollout=live.id,
            hint=f"end it first: `chimera abort {live.id}`",
        )


def swept(done: Sweep) -> Answer:
    """Say what a retried cleanup came to."""
    left = f", left: {', '.join(map(str, done.left))}" if done.left else ", nothing is left"
    others = (*done.unseen, *done.elsewhere)
    if others and not done.left:
        left = f"; {'; '.join(others)}"
    return Answer(f"{len(done.removed)} resources removed{left}", not done.left and not others)


@dataclass(slots=True)
class _Place:
    """Where a service was deployed to: its settings, and the versions that were known there."""

    service: Service
    rollouts: set[str] = field(default_factory=set)
    known: dict[str, Revision] = field(default_factory=dict)


class _Places(list[_Place]):
    """The places of one service, the last one used first."""

    def of(self, resource: Resource) -> _Place:
        """Return where a resource was made; what bears no rollout was found where it runs now."""
        return next((one for one in self if resource.rollout in one.rollouts), self[0])


async def _places(
    store: Store, engines: Engines, service: str
) -> tuple[dict[str, _Places], dict[str, str]]:
    """Return by service where this ledger's rollouts went, and others' rollouts by their engine."""
    found: dict[str, _Places] = {}
    others: dict[str, str] = {}
    for row in await store.find(service=service, limit=10_000):  # newest first
        its = row.rollout
        if not engines.drive(row.engine):
            others[row.id] = row.engine
            continue
        places = found.setdefault(its.service.name, _Places())
        place = next((one for one in places if _same_place(one.service, its.service)), None)
        if place is None:
            place = _Place(its.service)
            places.append(place)
        place.rollouts.add(row.id)
        for revision in (its.stable, its.canary):
            place.known.setdefault(revision.name, revision)
    return found, others


def _elsewhere(made: Sequence[Resource], others: Mapping[str, str]) -> tuple[str, ...]:
    """Say what was made by rollouts of another controller."""
    theirs = Counter((one.service, others[one.rollout]) for one in made if one.rollout in others)
    return tuple(
        f"{count(number, 'resource')} of {name} {'is' if number == 1 else 'are'} left to another "
        f"controller, {engine}"
        for (name, engine), number in sorted(theirs.items())
    )


def _same_place(one: Service, other: Service) -> bool:
    return one.platform == other.platform and one.settings == other.settings


async def _take_in(store: Store, catalog: Catalog, places: Mapping[str, _Places]) -> dict[str, str]:
    """Record what bears the tags of a rollout of this ledger: another ledger's is not ours.

    Returns by service, in a sentence, what could not be looked at.
    """
    recorded = {(one.kind, one.id) for one in await store.inventory.find()}
    unseen = {}
    for name, each in places.items():
        for place in each:
            platform = catalog.get(place.service.platform)
            if not isinstance(platform, Sweeping):
                continue
            try:
                found = await platform.survey(place.service)
            except ProviderError as error:
                unseen[name] = _unseen(name, error)
                continue
            for resource in found:
                known = (resource.kind, resource.id) in recorded
                if resource.rollout in place.rollouts and not known:
                    await store.inventory.record(resource)
    return unseen


def _unseen(service: str, error: ProviderError) -> str:
    hint = f"; {error.hint}" if error.hint else ""
    return f"{service} could not be looked at: {error}{hint}"
