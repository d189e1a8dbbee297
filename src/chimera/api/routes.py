"""All routes of the API in one router."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter

from chimera.api import clouds, health, house, metrics, openapi, people, rollouts, specs, streams

PREFIX = "/api/v1"


@cache
def routes() -> APIRouter:
    """Return the routes of the API, its document, health and metrics."""
    everything = APIRouter()
    for room in (rollouts, streams, specs, house, clouds, people, openapi):
        everything.include_router(room.router, prefix=PREFIX)
    everything.include_router(health.router)
    everything.include_router(metrics.router)
    return everything
