"""Reading the ledger for people: rollouts, services, events and looks. Needs no controller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from chimera.app.reports import Line, LookView, RolloutView, ServiceView
from chimera.core.errors import ChimeraError, RolloutNotFound
from chimera.core.explain import headline
from chimera.core.model import Service
from chimera.core.words import duration
from chimera.platforms.catalog import Catalog
from chimera.store import EventRow, LookRow, RolloutRow, Store

_POLL_S = 0.2


def view(row: RolloutRow) -> RolloutView:
    """Return a rollout as people see it."""
    return RolloutView(
        rollout=row.rollout,
        state=row.state,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        headline=headline(row.rollout, row.state),
        unattended=_let_go(row) if row.released else "",
        engine=row.engine,
    )


def _let_go(row: RolloutRow) -> str:
    return (
        f"Nothing moves any more: {row.released}. {row.service} is free again; "
        "`chimera gc --dry-run` shows what is left."
    )


def line(row: EventRow) -> Line:
    """Return an event as a line of history."""
    return Line(
        seq=row.seq,
        at=row.at,
        kind=row.event.kind,
        phase=row.state.phase,
        weight=row.state.weight,
        sentence=row.sentence,
    )


def look_view(row: LookRow) -> LookView:
    """Return a look with its judgement."""
    record = row.record
    return LookView(
        number=row.position,
        step=record.step,
        query=row.query,
        look=record.look,
        judgement=record.judgement,
    )


async def resolve(store: Store, ref: str) -> RolloutRow:
    """Find a rollout by id, unique prefix or service; RolloutNotFound says what there is.

    A service's name means its live rollout, or else its latest.
    """
    if not ref:
        return await _only_live(store)
    live = await store.live(ref)
    if live is not None:
        return live
    latest = await store.find(service=ref, limit=1)
    if latest:
        return latest[0]
    try:
        return await store.get(ref)
    except RolloutNotFound as error:
        known = await store.services()
        names = ", ".join(known) if known else "none yet; `chimera deploy` makes the first"
        raise RolloutNotFound(str(error), hint=f"services: {names}") from None


async def _only_live(store: Store) -> RolloutRow:
    live = await store.find(live=True, limit=2)
    if len(live) == 1:
        return live[0]
    if live:
        names = ", ".join(row.rollout.id for row in await store.find(live=True, limit=20))
        raise RolloutNotFound("several rollouts are live", hint=f"name one of {names}")
    latest = await store.find(limit=1)
    if latest:
        return latest[0]
    raise RolloutNotFound("no rollout yet", hint="start one with `chimera deploy`")


def elsewhere(rollout: str, engine: str) -> str:
    """Say that another controller drives a rollout."""
    return f"{rollout} is driven by another controller, {engine}: steer it there"


def unattended(view: RolloutView, *, leased: bool) -> str:
    """Say what it means for a live rollout that no controller runs.

    leased: whether the platform takes the canary's weight back by itself.
    """
    stable = view.rollout.stable.name
    canary = view.state.weight and view.state.promoted_at is None
    if canary and not leased:
        kept = f"the canary keeps its {view.state.weight} %"
        traffic = f"{kept}, unwatched, since no weight there ends by itself"
    elif canary:
        lease = duration(view.rollout.plan.lease)
        traffic = f"where Chimera owns the routes, all traffic is back on {stable} within {lease}"
    else:
        traffic = "traffic stays as it is"
    return f"No controller runs, so nothing moves: {traffic}. `chimera up` goes on with it."


async def services(store: Store, catalog: Catalog) -> Sequence[ServiceView]:
    """Return every service that is or was deployed, by name."""
    views = []
    for name in await store.services():
        live = await store.live(name)
        last = live or next(iter(await store.find(service=name, limit=1)), None)
        if last is not None:
            views.append(
                ServiceView(
                    name=name,
                    platform=last.rollout.service.platform,
                    stable=await _stable_name(catalog, last.rollout.service),
                    live=live.rollout.id if live else "",
                    last=view(last),
                )
            )
    return views


async def _stable_name(catalog: Catalog, service: Service) -> str:
    """Return the revision that serves by default now, "" if none, "?" if it cannot be told."""
    try:
        revision = await catalog.get(service.platform).orchestrator.stable(service)
    except ChimeraError:
        return "?"
    return revision.name if revision else ""


async def follow(
    store: Store, rollout: str, complete: Callable[[RolloutView], RolloutView] = lambda view: view
) -> AsyncIterator[tuple[RolloutView, Sequence[Line], Sequence[LookView]]]:
    """Yield a rollout and what is new in it, at once and then at every change, until it is over.

    complete: adds to a view what the ledger does not know.
    """
    seen_event = seen_look = 0
    shown: RolloutView | None = None
    while True:
        row = await store.get(rollout)
        events = await store.events(rollout, after=seen_event)
        looks = await store.looks(rollout, after=seen_look)
        now = complete(view(row))
        if events or looks or now != shown:
            yield now, [line(event) for event in events], [look_view(one) for one in looks]
        shown = now
        seen_event = events[-1].seq if events else seen_event
        seen_look = looks[-1].position if looks else seen_look
        if not row.live and not events:
            return
        await asyncio.sleep(_POLL_S)
