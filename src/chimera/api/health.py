"""Whether this process is alive, and whether it can answer."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from chimera.api.parts import chimera_of, live_of
from chimera.api.replies import reply
from chimera.core.errors import ChimeraError
from chimera.guard import PUBLIC

router = APIRouter(include_in_schema=False)

_PATIENCE_S = 3.0


@router.get("/healthz", dependencies=[PUBLIC])
async def healthz() -> Response:
    """Say that the process is alive."""
    return reply({"status": "alive"})


@router.get("/readyz", dependencies=[PUBLIC])
async def readyz(request: Request) -> Response:
    """Say whether requests can be answered: the ledger is there, and the process is not ending."""
    if live_of(request).closed:
        return reply({"status": "ending"}, 503)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await chimera_of(request).reachable()
    except (ChimeraError, TimeoutError):
        return reply({"status": "the ledger does not answer"}, 503)
    return reply({"status": "ready"})
