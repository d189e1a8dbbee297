"""The pages of the wizard, one per question. A form that is posted is answered by a redirect."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from chimera import guard
from chimera.app.admission import admitted
from chimera.app.locality import refuse_elsewhere
from chimera.app.masking import restored
from chimera.core.access import Role
from chimera.core.errors import (
    ChimeraError,
    NotAllowed,
    RequestRefused,
    RolloutConflict,
    RolloutNotFound,
    SpecError,
)
from chimera.web.rendering import page
from chimera.web.wizard import answering, keeping, showing, steps
from chimera.web.wizard.draft import Draft, spec_text
from chimera.web.wizard.finding import Finder
from chimera.web.wizard.steps import Step

router = APIRouter(include_in_schema=False)
OPERATOR = guard.requires(Role.OPERATOR, deed=False)  # a start notes itself


@router.get("/new", dependencies=[OPERATOR])
async def begin(request: Request, service: str = "") -> Response:
    """Begin a rollout, of a service that is named already if there is a link to it."""
    who = guard.principal(request)
    access = request.app.state.access
    draft = await keeping.begin(access, who.name)
    if service:
        finder = _finder(request)
        for view in await request.app.state.chimera.services():
            if view.name == service:
                draft = await _known(draft, view.platform, service, finder, request)
        await keeping.keep(access, draft)
    return _to(draft, steps.next_of(draft))


@router.get("/new/{key}", dependencies=[OPERATOR])
async def resume(request: Request, key: str) -> Response:
    """Go on where the draft stands."""
    draft = await _draft(request, key)
    return _to(draft, steps.next_of(draft))


@router.get("/new/{key}/{step}", dependencies=[OPERATOR])
async def ask(request: Request, key: str, step: Step) -> Response:
    """Ask one question."""
    draft = await _draft(request, key)
    if not steps.may_see(draft, step):
        return _to(draft, steps.next_of(draft))
    return await _page(request, draft, step)


@router.post("/new/{key}/{step}", dependencies=[OPERATOR])
async def answer(request: Request, key: str, step: Step) -> Response:
    """Take an answer, or say what is wrong with it on the same page."""
    draft = await _draft(request, key)
    if draft.rollout:  # pressed twice, or sent again by going back
        return RedirectResponse(f"/rollouts/{draft.rollout}", 303)
    if not steps.may_see(draft, step):
        return _to(draft, steps.next_of(draft))
    form = {key: str(value) for key, value in (await request.form()).items()}
    try:
        answered = await _answered(request, draft, step, form)
    except ChimeraError as error:
        status = 409 if isinstance(error, RolloutConflict) else 422
        status = 403 if isinstance(error, NotAllowed) else status
        return await _page(request, draft, step, error=error, form=form, status=status)
    await keeping.keep(request.app.state.access, answered)
    if answered.rollout:
        return RedirectResponse(f"/rollouts/{answered.rollout}", 303)
    if step is Step.REVIEW:
        return _to(answered, step)
    following = steps.ORDER[steps.ORDER.index(step) + 1]
    if following is Step.PLACE and not answered.on_aws:
        following = Step.SERVICE  # this machine is one place
    return _to(answered, following)


async def _answered(request: Request, draft: Draft, step: Step, form: Mapping[str, str]) -> Draft:
    finder, who = _finder(request), guard.principal(request)
    chimera = request.app.state.chimera
    match step:
        case Step.WHERE:
            taken = answering.where(draft, form)
            if not taken.on_aws:
                refuse_elsewhere(chimera.settings)
                return taken
            connection = await finder.connect(taken)
            return taken.answered(region=connection.region)
        case Step.PLACE:
            return answering.place(draft, form)
        case Step.SERVICE:
            taken = await answering.service(draft, form, finder, who)
            await admitted(who, spec_text(taken), chimera)
            return taken
        case Step.VERSION:
            taken = answering.version(draft, form)
            spec = await admitted(who, spec_text(taken), chimera)
            await chimera.plan(spec, version=taken.version, image=taken.image)
            return taken
        case Step.LIMITS:
            taken = answering.limits(draft, form)
            chimera.parse_spec(spec_text(taken))
            return taken
        case Step.REVIEW if form.get("do") == "rewrite":
            former = chimera.parse_spec(spec_text(draft))
            written = restored(chimera.parse_spec(form.get("spec", "")), former)
            taken = answering.rewritten(draft, written)
            await admitted(who, spec_text(taken), chimera)
            return taken
        case Step.REVIEW:
            return await _start(request, draft)


async def _start(request: Request, draft: Draft) -> Draft:
    who, chimera = guard.principal(request), request.app.state.chimera
    note = partial(request.app.state.access.audit.note, guard.actor(request), "rollouts.create")
    guard.deed(request, draft.service)
    try:
        spec = await admitted(who, spec_text(draft), chimera)
        rollout = await chimera.deploy(spec, version=draft.version, image=draft.image, by=who.name)
    except SpecError:
        raise  # it asked for nothing that one may not do
    except ChimeraError as error:
        refused = isinstance(error, NotAllowed | RolloutConflict | RequestRefused)
        outcome = "refused" if refused else "failed"
        await note(draft.service, outcome=outcome, detail=str(error))
        raise
    await note(rollout.id)
    return draft.answered(rollout=rollout.id)


async def _known(
    draft: Draft, platform: str, service: str, finder: Finder, request: Request
) -> Draft:
    """Return a draft whose first questions are answered by the service's last rollout."""
    there = answering.where(draft, {"platform": platform})
    form = {"service": f"known:{service}"}
    try:
        return await answering.service(there, form, finder, guard.principal(request))
    except (NotAllowed, SpecError):
        return draft


async def _page(
    request: Request,
    draft: Draft,
    step: Step,
    *,
    error: ChimeraError | None = None,
    form: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    finder = _finder(request)
    shown: dict[str, Any] = await showing.shown(
        request.app.state.chimera, finder, guard.principal(request), draft, step
    )
    closed = {Step.PLACE} if draft.on_aws and not finder.may_look else set()
    previous = steps.before(step)
    if previous is Step.PLACE and (closed or not draft.on_aws):
        previous = Step.WHERE
    prefix = f"/new/{draft.id}"
    return page(
        request,
        f"new/{step.value}.html",
        nav="Overview",
        status=status,
        draft=draft,
        step=step,
        trail=steps.trail(draft, prefix, closed),
        current=steps.ORDER.index(step),
        back=f"{prefix}/{previous.value}" if previous else "/",
        title=steps.TITLES[step],
        error=error,
        form=form or {},
        **shown,
    )


async def _draft(request: Request, key: str) -> Draft:
    draft = await keeping.find(request.app.state.access, key, guard.principal(request).name)
    if draft is None:
        raise RolloutNotFound(
            "this draft is not there any more: it has ended, or it belongs to somebody else",
            hint="begin a new one with New rollout",
        )
    return draft


def _finder(request: Request) -> Finder:
    return Finder(request.app.state.chimera, guard.principal(request))


def _to(draft: Draft, step: Step) -> Response:
    return RedirectResponse(f"/new/{draft.id}/{step.value}", 303)
