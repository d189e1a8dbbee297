"""Specs and plans: what may be written, whether it is right, what it would do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from chimera.api.parts import check, chimera_of, reads
from chimera.api.problems import documented
from chimera.api.replies import reply
from chimera.api.shapes import PlanRequest, SpecCheck, SpecText, Wanted
from chimera.app.admission import check_target
from chimera.app.reports import PlanReport
from chimera.core.access import Role
from chimera.core.errors import SpecError
from chimera.core.spec import Spec, describe
from chimera.guard import principal

router = APIRouter(tags=["specs and plans"])


async def wanted_spec(request: Request, wanted: Wanted, role: Role) -> Spec:
    """Return the spec that a request means, if whoever asks has the role on its service."""
    chimera = chimera_of(request)
    if bool(wanted.spec) == bool(wanted.service):
        raise SpecError("give either a spec or a service", hint="a service's last spec is used")
    if wanted.service:
        check(request, role, wanted.service)
        last = await chimera.last_spec(wanted.service)
        if last is None:
            raise SpecError(
                f"'{wanted.service}' was never deployed", hint="give a spec the first time"
            )
        return last
    check(request, role, chimera.parse_spec(wanted.spec).service)
    spec = await chimera.read_spec(wanted.spec)
    check_target(principal(request), spec, await chimera.last_spec(spec.service))
    return spec


@router.get(
    "/schema",
    operation_id="getSchema",
    dependencies=reads(),
    response_model=dict[str, Any],
    responses=documented(),
)
async def get_schema(request: Request) -> Response:
    """Return the JSON Schema of a spec, all platforms included."""
    return reply(chimera_of(request).schema())


@router.post(
    "/specs/check",
    operation_id="checkSpec",
    dependencies=reads(),
    response_model=SpecCheck,
    responses=documented(),
)
async def check_spec(request: Request, text: SpecText) -> Response:
    """Say whether a spec can be used, and every mistake with its line; changes nothing."""
    chimera = chimera_of(request)
    try:
        spec = chimera.parse_spec(text.spec)
    except SpecError as error:
        return reply(SpecCheck(ok=False, problems=list(error.problems) or [str(error)]))
    return reply(
        SpecCheck(
            ok=True,
            problems=[],
            service=spec.service,
            platform=spec.target.platform,
            notes=list(describe(spec, leased=chimera.leased(spec.target.platform))),
        )
    )


@router.post(
    "/plans",
    operation_id="makePlan",
    dependencies=reads(Role.OPERATOR),
    response_model=PlanReport,
    responses=documented(409, 424),
)
async def make_plan(request: Request, wanted: PlanRequest) -> Response:
    """Say what a deploy would do, write by write; changes nothing."""
    spec = await wanted_spec(request, wanted, Role.OPERATOR)
    chimera = chimera_of(request)
    report = await chimera.plan(spec, version=wanted.version, image=wanted.image)
    if wanted.foresee:
        report = await chimera.foresee(report, rate=wanted.rate)
    return reply(report)
