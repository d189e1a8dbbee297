"""Rollouts: list, look, start, steer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response

from chimera.api.idempotency import Idempotent, request_id
from chimera.api.parts import After, Ref, chimera_of, reads, rollout_of, writes
from chimera.api.problems import documented
from chimera.api.replies import reply
from chimera.api.shapes import (
    DeployRequest,
    LookPage,
    Reason,
    ReplayRequest,
    Retried,
    RolloutPage,
)
from chimera.api.specs import wanted_spec
from chimera.app.admission import check_again
from chimera.app.lean import lean_rollouts
from chimera.app.masking import masked_report
from chimera.app.planning import refuse_drift
from chimera.app.reports import Answer, Line, Replay, Report, RolloutView
from chimera.core.access import Role
from chimera.core.errors import RequestRefused
from chimera.core.state import Phase
from chimera.guard import principal

router = APIRouter(prefix="/rollouts", tags=["rollouts"], route_class=Idempotent)

_MOST = 200
_HERE = documented(404)
_ACTING = documented(404, 409)


@router.get(
    "",
    operation_id="listRollouts",
    dependencies=reads(),
    response_model=RolloutPage,
    responses=documented(404),
)
async def list_rollouts(
    request: Request,
    service: Annotated[str, Query(max_length=63, description="Only this service's.")] = "",
    live: Annotated[
        bool | None, Query(description="Only what is live, or only what is not.")
    ] = None,
    phase: Annotated[list[Phase], Query(description="Only in one of these phases.")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 20,
    before: Annotated[str, Query(max_length=200, description="`next` of the page before.")] = "",
    full: Annotated[bool, Query(description="With spec, plan, settings and findings.")] = False,
) -> Response:
    """List rollouts, the newest first, of the services that you may look at."""
    found = await chimera_of(request).history_for(
        principal(request),
        service=service,
        live=live,
        phase=phase,
        limit=limit + 1,
        before=before,
    )
    items, rest = found[:limit], found[limit:]
    return reply(
        {
            "items": items if full else lean_rollouts(items),
            "next": items[-1].rollout.id if rest else None,
        }
    )


@router.post(
    "",
    operation_id="startRollout",
    dependencies=writes(),
    status_code=201,
    response_model=RolloutView,
    responses=documented(404, 409, 424),
)
async def start_rollout(request: Request, wanted: DeployRequest) -> Response:
    """Start a rollout, or the service's first installation."""
    spec, chimera = await wanted_spec(request, wanted, Role.OPERATOR), chimera_of(request)
    what: Any = {"version": wanted.version, "image": wanted.image, "by": principal(request).name}
    plan = await chimera.plan(spec, **what) if wanted.plan else None
    if plan and wanted.plan:  # compared as they leave here, without the values of `env`
        refuse_drift(masked_report(wanted.plan), masked_report(plan))
    started = await chimera.deploy(spec, **what, plan=plan)
    return await _started(request, started.id)


@router.get(
    "/{ref}",
    operation_id="getRollout",
    dependencies=reads(service="ref"),
    response_model=RolloutView,
    responses=_HERE,
)
async def get_rollout(request: Request, ref: Ref) -> Response:
    """Return one rollout."""
    return reply(await rollout_of(request, ref))


@router.get(
    "/{ref}/events",
    operation_id="listEvents",
    dependencies=reads(service="ref"),
    response_model=list[Line],
    responses=_HERE,
)
async def list_events(request: Request, ref: Ref, after: After = 0) -> Response:
    """List a rollout's events, the oldest first."""
    view = await rollout_of(request, ref)
    return reply(list(await chimera_of(request).lines(view.rollout.id, after=after)))


@router.get(
    "/{ref}/looks",
    operation_id="listLooks",
    dependencies=reads(service="ref"),
    response_model=LookPage,
    responses=_HERE,
)
async def list_looks(
    request: Request,
    ref: Ref,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Response:
    """List a rollout's looks with their judgements, the oldest first."""
    view = await rollout_of(request, ref)
    looks = await chimera_of(request).looks(view.rollout.id, after=after, limit=limit + 1)
    items, rest = list(looks[:limit]), looks[limit:]
    return reply({"items": items, "next": items[-1].number if rest else None})


@router.get(
    "/{ref}/report",
    operation_id="getReport",
    dependencies=reads(service="ref"),
    response_model=Report,
    responses=_HERE,
)
async def get_report(request: Request, ref: Ref) -> Response:
    """Return all that was decided in a rollout, when, and on what evidence."""
    view = await rollout_of(request, ref)
    return reply(await chimera_of(request).report(view.rollout.id))


@router.post(
    "/{ref}/replay",
    operation_id="replayRollout",
    dependencies=reads(service="ref"),
    response_model=Replay,
    responses=_HERE,
)
async def replay_rollout(
    request: Request, ref: Ref, wanted: Annotated[ReplayRequest | None, Body()] = None
) -> Response:
    """Judge a rollout's recorded looks again, by another spec if one is given; changes nothing."""
    view = await rollout_of(request, ref)
    chimera = chimera_of(request)
    spec = chimera.parse_spec(wanted.spec) if wanted and wanted.spec else None
    return reply(await chimera.replay(view.rollout.id, spec))


async def _ask(request: Request, ref: str, verb: str, reason: Reason | None) -> Response:
    view = await rollout_of(request, ref, Role.OPERATOR)
    who = principal(request)
    answer = await chimera_of(request).request(
        view.rollout.id,
        verb,
        by=who.name,
        role=who.role(view.rollout.service.name) or Role.OPERATOR,
        reason=reason.reason if reason else "",
        key=request_id(request),
    )
    if not answer.accepted:
        hint = f"see GET /api/v1/rollouts/{view.rollout.id}"
        raise RequestRefused(answer.text, hint=hint)
    return reply(answer)


_REASON = Annotated[Reason | None, Body()]


def _verb(name: str, operation: str) -> dict[str, Any]:
    return {
        "path": f"/{{ref}}/{name}",
        "operation_id": operation,
        "dependencies": writes(service="ref"),
        "response_model": Answer,
        "responses": _ACTING,
    }


@router.post(**_verb("pause", "pauseRollout"))
async def pause(request: Request, ref: Ref, reason: _REASON = None) -> Response:
    """Hold the weight; an unhealthy canary is still rolled back."""
    return await _ask(request, ref, "pause", reason)


@router.post(**_verb("resume", "resumeRollout"))
async def resume(request: Request, ref: Ref, reason: _REASON = None) -> Response:
    """Go on after a pause."""
    return await _ask(request, ref, "resume", reason)


@router.post(**_verb("promote", "promoteRollout"))
async def promote(request: Request, ref: Ref, reason: _REASON = None) -> Response:
    """Skip the steps that are left; 100 % must still be healthy for its interval."""
    return await _ask(request, ref, "promote", reason)


@router.post(**_verb("abort", "abortRollout"))
async def abort(request: Request, ref: Ref, reason: _REASON = None) -> Response:
    """Return all traffic to the stable version now."""
    return await _ask(request, ref, "abort", reason)


@router.post(**_verb("revert", "revertRollout"))
async def revert(request: Request, ref: Ref, reason: _REASON = None) -> Response:
    """After a promotion, return at once to the version before, while it is warm."""
    return await _ask(request, ref, "revert", reason)


@router.post(**_verb("approve", "approveRollout"))
async def approve(request: Request, ref: Ref, reason: _REASON = None) -> Response:
    """Open the approval that a rollout waits for; it needs the role that the spec names."""
    return await _ask(request, ref, "approve", reason)


@router.post(
    "/{ref}/retry",
    operation_id="retryRollout",
    dependencies=writes(service="ref"),
    response_model=Retried,
    responses=documented(404, 409, 424),
)
async def retry(request: Request, ref: Ref) -> Response:
    """Deploy it again after a rollback or an abort, or try an incomplete cleanup again."""
    view = await rollout_of(request, ref, Role.OPERATOR)
    await check_again(principal(request), view, chimera_of(request))
    done = await chimera_of(request).retry(view.rollout.id, by=principal(request).name)
    if isinstance(done, Answer):
        if not done.accepted:
            raise RequestRefused(done.text, hint="see what is left with GET /api/v1/gc")
        return reply({"rollout": None, "answer": done})
    return reply({"rollout": await chimera_of(request).status(done.id), "answer": None})


async def _started(request: Request, rollout: str) -> Response:
    view = await chimera_of(request).status(rollout)
    return reply(view, 201, {"location": f"/api/v1/rollouts/{rollout}"})
