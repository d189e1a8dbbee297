"""All routes of the page in one router."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from chimera.guard import sign_in_routes
from chimera.web import static
from chimera.web.errors import install_errors
from chimera.web.pages import (
    acting,
    history,
    overview,
    reports,
    rollout,
    services,
    settings,
    signing,
)
from chimera.web.wizard import practising, preparing, setups
from chimera.web.wizard import routes as wizard

router = APIRouter(include_in_schema=False)
PARTS = (
    *(signing, overview, rollout, acting, reports, history, services, settings),
    *(wizard, practising, preparing),
)
for part in (static.router, sign_in_routes(), *(one.router for one in PARTS)):
    router.include_router(part)


def install(app: FastAPI) -> None:
    """Give an application the page: its routes, and its errors as pages. Before the guard."""
    static.assets()
    app.router.routes.extend(router.routes)
    install_errors(app)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """Do what the page does on its own while it is served: the practice's requests, setups."""
    await practising.resume(app)
    try:
        yield
    finally:
        await setups.close(app)
        await practising.close(app)
