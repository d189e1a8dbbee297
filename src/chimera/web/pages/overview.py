"""The first page: what goes on, how the last ones ended, what there is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from chimera import guard
from chimera.app.live import House, LiveHub
from chimera.app.operations import Chimera
from chimera.core.access import Role
from chimera.guard import requires
from chimera.guard.streaming import EventStream, Viewer, event, streamed
from chimera.web.rendering import environment, page
from chimera.web.views.status import row_of

RECENT = 8

router = APIRouter(include_in_schema=False)


@router.get("/", dependencies=[requires(Role.VIEWER)])
async def overview(request: Request) -> Response:
    """Show what is live, the last results and the services."""
    chimera: Chimera = request.app.state.chimera
    who = guard.principal(request)
    house = await chimera.house_for(who)
    services = [one for one in await chimera.services() if who.may(Role.VIEWER, one.name)]
    return page(request, "overview.html", nav="Overview", services=services, **_rows(house))


def _rows(house: House) -> dict[str, Any]:
    return {
        "live": [row_of(one) for one in house.live],
        "recent": [row_of(one) for one in house.recent[:RECENT]],
        "trouble": house.trouble,
    }


@router.get("/live", dependencies=[requires(Role.VIEWER)])
async def live(request: Request) -> EventStream:
    """Stream the lists whenever they change."""
    state, viewer = request.app.state, Viewer(request)
    return streamed(_events(state.live, state.chimera, viewer), viewer)


async def _events(hub: LiveHub, chimera: Chimera, viewer: Viewer) -> AsyncGenerator[bytes]:
    async with aclosing(hub.watch_house()) as houses:
        async for house in houses:
            yield _message(await chimera.seen(house, viewer.principal))


def _message(house: House) -> bytes:
    """Return the lists as a message: made once for all who see the same."""
    if "page" not in house.memo:
        template = environment().get_template("overview_live.html")
        house.memo["page"] = event(template.render(**_rows(house)))
    made: bytes = house.memo["page"]
    return made
