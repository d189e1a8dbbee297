"""Asking something of a rollout: the question with a reason, then the deed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from chimera import guard
from chimera.app.admission import check_again
from chimera.app.operations import VERBS, Chimera
from chimera.app.reports import Answer, RolloutView
from chimera.core.access import Role
from chimera.core.errors import NotAllowed, RolloutNotFound
from chimera.core.gates import role_for
from chimera.core.offers import offers
from chimera.guard import requires
from chimera.web.pages.rollout import shown
from chimera.web.rendering import page
from chimera.web.views.actions import action_of

router = APIRouter(include_in_schema=False)
REASON = 500


@router.get("/rollouts/{ref}/do/{verb}", dependencies=[requires(Role.OPERATOR, service="ref")])
async def ask(request: Request, ref: str, verb: str) -> Response:
    """Ask whether it is meant, and why; in the dialog, or as a page without scripts."""
    view = await _view(request, ref, verb)
    _check_role(request, view, verb)
    if verb not in offers(view.rollout.plan, view.state, datetime.now(UTC)):
        late = Answer(f"There is nothing to {verb}: the rollout is {view.state.words} now.", False)
        if not _in_dialog(request):
            return await shown(request, ref, late)
    return page(
        request,
        "act.html",
        nav="Overview",
        dialog=_in_dialog(request),
        action=action_of(view, verb),
        id=view.rollout.id,
    )


@router.post("/rollouts/{ref}/do/{verb}", dependencies=[requires(Role.OPERATOR, service="ref")])
async def do(
    request: Request, ref: str, verb: str, reason: Annotated[str, Form()] = ""
) -> Response:
    """Ask it of the rollout and show what it answered."""
    chimera: Chimera = request.app.state.chimera
    view = await _view(request, ref, verb)
    _check_role(request, view, verb)
    by, id_ = guard.actor(request).name, view.rollout.id
    if verb == "retry":
        await check_again(guard.principal(request), view, chimera)
        made = await chimera.retry(id_, by=by)
        if not isinstance(made, Answer):
            return RedirectResponse(f"/rollouts/{made.id}", 303)
        answer = made
    else:
        answer = await chimera.request(
            id_, verb, by=by, role=_role(request, view), reason=_kept(reason)
        )
    if answer.accepted:
        return RedirectResponse(f"/rollouts/{id_}", 303)
    return await shown(request, id_, answer, status=409)


async def _view(request: Request, ref: str, verb: str) -> RolloutView:
    if verb not in VERBS:
        raise RolloutNotFound(f"nobody can '{verb}' a rollout", hint=f"it is one of {_verbs()}")
    chimera: Chimera = request.app.state.chimera
    return await chimera.status(ref)


def _verbs() -> str:
    return ", ".join(VERBS)


def _check_role(request: Request, view: RolloutView, verb: str) -> None:
    role, service = role_for(view.rollout.plan, view.state, verb), view.rollout.service.name
    who = guard.principal(request)
    if not who.may(Role(role), service):
        raise NotAllowed(
            f"to {verb} this rollout needs the role {role}, which {who.name} does not have",
            hint=f"ask somebody who is {role} on {service}",
        )


def _kept(reason: str) -> str:
    """Return a reason as the field held it, and of one that is too long its beginning.

    A browser sends each end of a line as two characters. Nobody is kept from an abort by its text.
    """
    return "\n".join(reason.splitlines()).strip()[:REASON]


def _role(request: Request, view: RolloutView) -> Role:
    return guard.principal(request).role(view.rollout.service.name) or Role.VIEWER


def _in_dialog(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"
