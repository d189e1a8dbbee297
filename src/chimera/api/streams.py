"""Live streams as Server-Sent Events, which any replica resumes from `Last-Event-ID`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from chimera.api.parts import Ref, chimera_of, live_of, reads, rollout_of
from chimera.api.problems import documented
from chimera.api.replies import as_json
from chimera.app.lean import lean_rollouts
from chimera.app.live import Cursor, House, Update
from chimera.app.operations import Chimera
from chimera.guard.streaming import EventStream, Viewer, event, streamed

router = APIRouter(tags=["streams"])

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-Sent Events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **documented(404),
}


def rollout_data(update: Update) -> bytes:
    """Return an update as JSON, made once for all who get the same one."""
    if "json" not in update.memo:
        update.memo["json"] = as_json(
            {
                "rollout": update.view,
                "lines": list(update.lines),
                "looks": list(update.looks),
                "over": update.over,
                "trouble": update.trouble,
            }
        )
    made: bytes = update.memo["json"]
    return made


async def _rollout_events(updates: AsyncGenerator[Update]) -> AsyncGenerator[bytes]:
    async with aclosing(updates):
        async for update in updates:
            yield event(rollout_data(update), name="update", id_=update.cursor)
            if update.over:
                yield event(b"{}", name="end", id_=update.cursor)
                return


async def _house_events(
    houses: AsyncGenerator[House], chimera: Chimera, viewer: Viewer
) -> AsyncGenerator[bytes]:
    async with aclosing(houses):
        async for house in houses:
            yield event(_house_data(await chimera.seen(house, viewer.principal)), name="house")


def _house_data(house: House) -> bytes:
    if "json" not in house.memo:
        parts = {"live": lean_rollouts(house.live), "recent": lean_rollouts(house.recent)}
        house.memo["json"] = as_json({**parts, "trouble": house.trouble})
    made: bytes = house.memo["json"]
    return made


@router.get(
    "/rollouts/{ref}/stream",
    operation_id="streamRollout",
    dependencies=reads(service="ref"),
    response_class=EventStream,
    responses=_STREAM,
)
async def stream_rollout(
    request: Request,
    ref: Ref,
    after: Annotated[
        str,
        Query(max_length=40, description="A cursor, `<last look>-<last event>`.", examples=["0-0"]),
    ] = "",
    last_event_id: Annotated[
        str, Header(max_length=40, description="The last cursor seen; goes before `after`.")
    ] = "",
) -> Response:
    """Follow a rollout: an event `update` at once and at every change, `end` when it is over.

    Its data: `rollout`, new `lines` and `looks`, `over`, `trouble`. The id of an event is its
    cursor: with it as `Last-Event-ID` the stream goes on without a gap, on any replica.
    """
    view = await rollout_of(request, ref)
    cursor = last_event_id or after
    Cursor.read(cursor)  # while an error can still be answered
    updates = live_of(request).watch(view.rollout.id, cursor)
    return streamed(_rollout_events(updates), Viewer(request, view.rollout.service.name))


@router.get(
    "/stream",
    operation_id="streamHouse",
    dependencies=reads(),
    response_class=EventStream,
    responses=_STREAM,
)
async def stream_house(request: Request) -> Response:
    """Follow what is live and what ended last: an event `house` at once and at every change."""
    viewer, houses = Viewer(request), live_of(request).watch_house()
    return streamed(_house_events(houses, chimera_of(request), viewer), viewer)
