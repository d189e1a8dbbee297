"""The practice service from the page: "try it", without anything of the reader's own."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.responses import RedirectResponse

from chimera import guard
from chimera.app.locality import in_container, refuse_elsewhere, why_not_here
from chimera.core.access import EVERYTHING, Role
from chimera.core.errors import ChimeraError
from chimera.core.state import Phase
from chimera.demo.practice import RATE, SERVICE, VERSIONS, Practice
from chimera.web.rendering import page
from chimera.web.wizard.offers import Offer

router = APIRouter(include_in_schema=False)
OPERATOR = guard.requires(Role.OPERATOR, service=EVERYTHING)
INSTALLING = timedelta(seconds=20)
_SETTLED = {Phase.SUCCEEDED, Phase.RETIRING, Phase.ROLLED_BACK, Phase.ABORTED}


@router.get("/practice", dependencies=[OPERATOR])
async def look(request: Request) -> Response:
    """Say what the practice service is and how it stands."""
    return await _page(request)


@router.post("/practice", dependencies=[OPERATOR])
async def begin(request: Request) -> Response:
    """Install version 1, send it requests, and go on to choose the next version."""
    who = guard.principal(request)
    try:
        refuse_elsewhere(request.app.state.chimera.settings)
        rollout = await practice(request).begin(who.name)
    except ChimeraError as error:
        return await _page(request, error)
    await request.app.state.access.audit.note(guard.actor(request), "practice.begin", SERVICE)
    return await _when_installed(request, rollout)


@router.post("/practice/end", dependencies=[OPERATOR])
async def end(request: Request) -> Response:
    """Remove the practice service."""
    try:
        await practice(request).end()
    except ChimeraError as error:
        return await _page(request, error)
    await request.app.state.access.audit.note(guard.actor(request), "practice.end", SERVICE)
    return RedirectResponse("/", 303)


def practice(request: Request) -> Practice:
    """Return what sends the practice service's requests in this process."""
    state = request.app.state
    if not hasattr(state, "practice"):
        state.practice = Practice(state.chimera)
    found: Practice = state.practice
    return found


def versions(service: str, stable: str) -> tuple[Offer, ...]:
    """Offer the versions of the practice service; () for any other."""
    if service != SERVICE:
        return ()
    return tuple(
        Offer(
            name,
            f"Version {name}",
            words[0].upper() + words[1:],
            why_not="It is the running version." if name == stable else "",
        )
        for name, words in sorted(VERSIONS.items(), key=lambda one: (one[0] == "1", one[0]))
    )


async def _when_installed(request: Request, rollout: str) -> Response:
    chimera = request.app.state.chimera
    try:
        async with asyncio.timeout(INSTALLING.total_seconds()):
            async for view, _, _ in chimera.follow(rollout):
                if view.state.phase in _SETTLED:
                    break
    except TimeoutError:
        return RedirectResponse(f"/rollouts/{rollout}", 303)
    if view.state.phase in {Phase.SUCCEEDED, Phase.RETIRING}:
        return RedirectResponse(f"/new?service={SERVICE}", 303)
    return RedirectResponse(f"/rollouts/{rollout}", 303)


async def _page(request: Request, error: ChimeraError | None = None) -> Response:
    settings = request.app.state.chimera.settings
    stable = port = live = ""
    for view in await request.app.state.chimera.services():
        if view.name == SERVICE and view.last is not None:
            stable, live = view.stable, view.live
            port = str(view.last.rollout.service.settings.get("port", ""))
    return page(
        request,
        "new/practice.html",
        nav="Overview",
        status=409 if error else 200,
        error=error,
        stable=stable,
        live=live,
        port=port,
        rate=RATE,
        service=SERVICE,
        versions=VERSIONS,
        no_local=why_not_here(settings),
        in_container=in_container(settings),
    )


async def resume(app: FastAPI) -> None:
    """Send requests again, after a restart, to a practice service that runs."""
    app.state.practice = Practice(app.state.chimera)
    await app.state.practice.resume()


async def close(app: FastAPI) -> None:
    """Send nothing more: this process ends."""
    if hasattr(app.state, "practice"):
        await app.state.practice.close()
