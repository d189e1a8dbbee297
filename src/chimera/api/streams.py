"""Live streams as Server-Sent Events, which any replica resumes from `Last-Event-ID`.

A stream ends by itself after `LONGEST` without the event `end`, so that a client comes back with
its cursor, and whoever may no longer look is told so. Nothing is kept for a client that does not
read: after `STALLED_S` its stream is ended as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from chimera.api.parts import Ref, live_of, reads, rollout_of
from chimera.api.problems import documented
from chimera.api.replies import as_json
from chimera.app.lean import lean_rollouts
from chimera.app.live import Cursor, House, Update
from chimera.core.access import Principal, Role
from chimera.guard import principal

router = APIRouter(tags=["streams"])

LONGEST = timedelta(minutes=15)
STALLED_S = 30.0
BEAT_S = 15.0
_RETRY_MS = 1_000
_T = TypeVar("_T")
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-Sent Events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **documented(404),
}


class EventStream(StreamingResponse):
    """An answer that does not wait for ever for a client that has stopped reading."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes], status_code: int = 200) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, status_code, headers)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, each piece within `STALLED_S`."""

        async def sending(message: Message) -> None:
            async with asyncio.timeout(STALLED_S):
                await send(message)

        async with aclosing(self._events):
            with suppress(TimeoutError):
                await super().__call__(scope, receive, sending)


def event(name: str, data: bytes, cursor: str = "") -> bytes:
    """Return one event. data: JSON, hence on one line."""
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


async def beating(
    source: AsyncGenerator[_T], every_s: float = BEAT_S, longest: timedelta = LONGEST
) -> AsyncGenerator[_T | None]:
    """Yield what `source` does, and None whenever it was silent for a while, until it is late."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + longest.total_seconds()
    async with aclosing(source):
        waiting: asyncio.Future[_T] | None = None
        try:
            while loop.time() < ends:
                waiting = waiting or asyncio.ensure_future(anext(source))
                done, _ = await asyncio.wait({waiting}, timeout=every_s)
                if not done:
                    yield None
                    continue
                try:
                    news = waiting.result()
                except StopAsyncIteration:
                    return
                finally:
                    waiting = None
                yield news
        finally:
            if waiting is not None:
                waiting.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting


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
    yield f"retry: {_RETRY_MS}\n\n".encode()
    async with aclosing(beating(updates)) as beats:
        async for update in beats:
            if update is None:
                yield b": still here\n\n"
                continue
            yield event("update", rollout_data(update), update.cursor)
            if update.over:
                yield event("end", b"{}", update.cursor)
                return


async def _house_events(houses: AsyncGenerator[House], who: Principal) -> AsyncGenerator[bytes]:
    yield f"retry: {_RETRY_MS}\n\n".encode()
    async with aclosing(beating(houses)) as beats:
        async for house in beats:
            yield event("house", _house_data(house, who)) if house else b": still here\n\n"


def _house_data(house: House, who: Principal) -> bytes:
    parts = {
        name: lean_rollouts([r for r in rows if who.may(Role.VIEWER, r.rollout.service.name)])
        for name, rows in (("live", house.live), ("recent", house.recent))
    }
    return as_json({**parts, "trouble": house.trouble})


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
    return EventStream(_rollout_events(live_of(request).watch(view.rollout.id, cursor)))


@router.get(
    "/stream",
    operation_id="streamHouse",
    dependencies=reads(),
    response_class=EventStream,
    responses=_STREAM,
)
async def stream_house(request: Request) -> Response:
    """Follow what is live and what ended last: an event `house` at once and at every change."""
    return EventStream(_house_events(live_of(request).watch_house(), principal(request)))
