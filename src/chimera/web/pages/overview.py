"""The first page: what goes on, how the last ones ended, what there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from chimera import guard
from chimera.app.live import House, LiveHub
from chimera.app.operations import Chimera
from chimera.app.reports import RolloutView
from chimera.core.access import Principal, Role
from chimera.guard import requires
from chimera.web.pages.streaming import event, streamed
from chimera.web.rendering import environment, page
from chimera.web.views.status import row_of

RECENT = 8

router = APIRouter(include_in_schema=False)


@router.get("/", dependencies=[requires(Role.VIEWER)])
async def overview(request: Request) -> Response:
    """Show what is live, the last results and the services."""
    chimera: Chimera = request.app.state.chimera
    who = guard.principal(request)
    house = House(
        tuple(await chimera.history(live=True, limit=200)),
        tuple(await chimera.history(live=False, limit=RECENT)),
    )
    services = [one for one in await chimera.services() if who.may(Role.VIEWER, one.name)]
    return page(request, "overview.html", nav="Overview", services=services, **_rows(house, who))


def _rows(house: House, who: Principal) -> dict[str, Any]:
    return {
        "live": [row_of(one) for one in _mine(house.live, who)],
        "recent": [row_of(one) for one in _mine(house.recent, who)][:RECENT],
        "trouble": house.trouble,
    }


def _mine(views: Sequence[RolloutView], who: Principal) -> list[RolloutView]:
    return [one for one in views if who.may(Role.VIEWER, one.rollout.service.name)]


@router.get("/live", dependencies=[requires(Role.VIEWER)])
async def live(request: Request) -> StreamingResponse:
    """Stream the lists whenever they change."""
    hub: LiveHub = request.app.state.live
    return streamed(_events(hub, guard.principal(request)))


async def _events(hub: LiveHub, who: Principal) -> AsyncIterator[str]:
    async with aclosing(hub.watch_house()) as houses:
        async for house in houses:
            yield _message(house, who)


def _message(house: House, who: Principal) -> str:
    """Return the lists as a message: made once for all who may see the same services."""
    key = f"page:{sorted((name, str(role)) for name, role in who.grants.items())}"
    if key not in house.memo:
        template = environment().get_template("overview_live.html")
        house.memo[key] = event("", template.render(**_rows(house, who)))
    made: str = house.memo[key]
    return made
