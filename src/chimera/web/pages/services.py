"""What Chimera deploys: each service with its stable version, its rollouts, and its removal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from chimera import guard
from chimera.app.access import Access
from chimera.app.masking import masked
from chimera.app.operations import Chimera
from chimera.app.reports import ServiceView
from chimera.core.access import Role
from chimera.core.errors import RolloutNotFound
from chimera.core.words import count
from chimera.guard import requires
from chimera.web.rendering import page
from chimera.web.views.status import row_of

RECENT = 10

router = APIRouter(include_in_schema=False)


@router.get("/services", dependencies=[requires(Role.VIEWER)])
async def services(request: Request) -> Response:
    """List the services that the reader may see."""
    chimera: Chimera = request.app.state.chimera
    who = guard.principal(request)
    found = [one for one in await chimera.services() if who.may(Role.VIEWER, one.name)]
    rows = [(one, row_of(one.last) if one.last else None) for one in found]
    return page(request, "services.html", nav="Services", rows=rows)


@router.get("/services/{service}", dependencies=[requires(Role.VIEWER, service="service")])
async def one_service(request: Request, service: str) -> Response:
    """Show a service: what is stable, what goes on, what was before."""
    return await _shown(request, await _find(request, service))


async def _find(request: Request, service: str) -> ServiceView:
    chimera: Chimera = request.app.state.chimera
    found = next((one for one in await chimera.services() if one.name == service), None)
    if found is None:
        raise RolloutNotFound(f"no service '{service}'", hint="see Services for what there is")
    return found


async def _shown(
    request: Request, found: ServiceView, problem: str = "", status: int = 200
) -> Response:
    chimera: Chimera = request.app.state.chimera
    views = await chimera.history(service=found.name, limit=RECENT)
    last = found.last
    return page(
        request,
        "service.html",
        nav="Services",
        status=status,
        service=found,
        rows=[row_of(one) for one in views],
        spec=masked({"spec": last.rollout.spec})["spec"] if last else "",
        revertible=_revertible(found),
        problem=problem,
    )


def _revertible(found: ServiceView) -> str:
    """Return the warm version that a revert returns to, or ""."""
    last = found.last
    warm = last and found.live and last.state.promoted_at and last.state.wake_at
    return last.rollout.stable.name if last and warm else ""


@router.get("/services/{service}/remove", dependencies=[requires(Role.ADMIN)])
async def ask_removal(request: Request, service: str) -> Response:
    """Ask whether the service is to be removed altogether."""
    found = await _find(request, service)
    dialog = request.headers.get("hx-request") == "true"
    return page(request, "remove.html", nav="Services", service=found, dialog=dialog, problem="")


@router.post("/services/{service}/remove", dependencies=[requires(Role.ADMIN)])
async def remove(
    request: Request, service: str, confirm: Annotated[str, Form(max_length=63)] = ""
) -> Response:
    """Remove a service that was named once more; RolloutConflict while a rollout holds it."""
    chimera: Chimera = request.app.state.chimera
    access: Access = request.app.state.access
    found = await _find(request, service)
    if confirm.strip() != service:
        problem = f"To remove it, write its name: {service}."
        return page(
            request,
            "remove.html",
            nav="Services",
            status=400,
            service=found,
            dialog=False,
            problem=problem,
        )
    done = await chimera.down(service)
    await access.audit.note(
        guard.actor(request),
        "service.remove",
        service,
        outcome="failed" if done.left else "done",
        detail=f"{count(len(done.removed), 'resource')} removed, {len(done.left)} left",
    )
    if done.left:
        left = ", ".join(str(one) for one in done.left)
        said = f"{service} could not be removed altogether. Left behind: {left}. Try it again."
        return await _shown(request, found, said, status=409)
    return RedirectResponse("/services", 303)
