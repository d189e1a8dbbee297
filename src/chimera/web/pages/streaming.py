"""Server-Sent Events: what a message looks like, and a stream that stays alive and ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi.responses import StreamingResponse

BEAT_S = 15.0
LONGEST_S = 900.0  # then the browser connects anew, and its session is checked again


def event(name: str, data: str, id_: str = "") -> str:
    """Return one message. name: "" for HTML that goes straight into the page."""
    head = [f"event: {name}"] if name else []
    head += [f"id: {id_}"] if id_ else []
    return "\n".join([*head, *(f"data: {line}" for line in data.splitlines()), "", ""])


def streamed(events: AsyncIterator[str]) -> StreamingResponse:
    """Return a response that sends these messages as they come, and a beat when none does."""
    return StreamingResponse(
        _kept_alive(events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _kept_alive(events: AsyncIterator[str]) -> AsyncIterator[str]:
    ends = asyncio.get_running_loop().time() + LONGEST_S
    yield "retry: 500\n\n"
    coming: asyncio.Future[str] | None = None
    try:
        while asyncio.get_running_loop().time() < ends:
            coming = coming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({coming}, timeout=BEAT_S)
            if not done:
                yield ": still here\n\n"
                continue
            try:
                message = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield message
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
