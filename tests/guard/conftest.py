"""A small application behind the guard: pages and an API with a route of each rule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from tests.support.access import access_with_users

from chimera.app.access import Access
from chimera.core.access import Role
from chimera.guard import (
    PUBLIC,
    GuardSettings,
    csrf_token,
    install,
    principal,
    requires,
    sign_in_routes,
    signed_in,
)


@dataclass
class House:
    """An application, its Access, and what its writes did."""

    app: FastAPI
    access: Access
    done: list[str]


def house(access: Access, **options: Any) -> House:
    """Return an application with routes of every rule. options: of GuardSettings."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    built = House(app, access, [])
    app.include_router(sign_in_routes())

    @app.get("/sign-in", dependencies=[PUBLIC])
    async def page(request: Request) -> HTMLResponse:
        who = signed_in(request)
        name = who.name if who else "nobody"
        return HTMLResponse(f'<meta name="csrf" content="{csrf_token(request)}">{name}')

    @app.get("/", dependencies=[requires(Role.VIEWER)])
    async def home(request: Request) -> HTMLResponse:
        name = principal(request).name
        return HTMLResponse(f'<meta name="csrf" content="{csrf_token(request)}">{name}')

    @app.post("/echo", dependencies=[PUBLIC])
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.get("/broken", dependencies=[PUBLIC])
    async def broken() -> None:
        raise ZeroDivisionError("with a canary-secret inside")

    @app.get("/stream", dependencies=[PUBLIC])
    async def stream(request: Request) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            while not await request.is_disconnected():
                yield "data: 2\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    for prefix in ("", "/api"):
        app.include_router(_services(built), prefix=prefix)
    install(app, access, replace(GuardSettings(), **options))
    return built


def _services(built: House) -> APIRouter:
    app = APIRouter()

    @app.get("/services/{service}", dependencies=[requires(Role.VIEWER, service="service")])
    async def service(service: str) -> str:
        return service

    @app.post("/services/{service}", dependencies=[requires(Role.OPERATOR, service="service")])
    async def deploy(service: str, request: Request) -> str:
        built.done.append(f"{service} by {principal(request).name}")
        return "done"

    @app.post("/settings", dependencies=[requires(Role.ADMIN)])
    async def settings_page() -> str:
        built.done.append("settings")
        return "done"

    return app


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Access]:
    async with access_with_users(tmp_path) as opened:
        yield opened


@pytest.fixture
def guarded(access: Access) -> House:
    return house(access)
