"""The house: services, the doctor, what is left over, the audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from chimera import __version__
from chimera.api.idempotency import Idempotent
from chimera.api.parts import Service, chimera_of, reads, writes
from chimera.api.problems import documented
from chimera.api.replies import reply
from chimera.api.shapes import About, AuditCheck, GcRequest, SpecText
from chimera.app.reports import ServiceView, Sweep
from chimera.core.access import Role
from chimera.core.errors import RolloutNotFound
from chimera.guard import principal
from chimera.ports.platform import Check

router = APIRouter(tags=["house"], route_class=Idempotent)


@router.get(
    "/about",
    operation_id="getAbout",
    dependencies=reads(),
    response_model=About,
    responses=documented(),
)
async def about(request: Request) -> Response:
    """Return the version, and whether a controller runs."""
    running = chimera_of(request).controller() is not None
    return reply(About(version=__version__, controller=running))


@router.get(
    "/services",
    operation_id="listServices",
    dependencies=reads(),
    response_model=list[ServiceView],
    responses=documented(),
)
async def list_services(request: Request) -> Response:
    """List the services that you may look at, and what runs."""
    who = principal(request)
    found = await chimera_of(request).services()
    return reply([one for one in found if who.may(Role.VIEWER, one.name)])


@router.get(
    "/services/{service}",
    operation_id="getService",
    dependencies=reads(service="service"),
    response_model=ServiceView,
    responses=documented(404),
)
async def get_service(request: Request, service: Service) -> Response:
    """Return one service."""
    return reply(await _service(request, service))


async def _service(request: Request, name: str) -> ServiceView:
    for one in await chimera_of(request).services():
        if one.name == name:
            return one
    raise RolloutNotFound(f"no service '{name}'", hint="GET /api/v1/services lists them")


@router.delete(
    "/services/{service}",
    operation_id="removeService",
    dependencies=writes(Role.ADMIN),
    response_model=Sweep,
    responses=documented(404, 409, 424),
)
async def remove_service(request: Request, service: Service) -> Response:
    """Remove a service and all that runs for it; its history stays."""
    found = await _service(request, service)
    return reply(await chimera_of(request).down(found.name))


@router.get(
    "/doctor",
    operation_id="runDoctor",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=list[Check],
    responses=documented(424),
)
async def doctor(
    request: Request,
    platform: Annotated[str, Query(max_length=50, description="Only this platform's.")] = "",
) -> Response:
    """Check that everything Chimera needs is where it runs."""
    return reply(list(await chimera_of(request).doctor(platform)))


@router.post(
    "/doctor",
    operation_id="runDoctorFor",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=list[Check],
    responses=documented(424),
)
async def doctor_for(request: Request, text: SpecText) -> Response:
    """Check all that deploying by a spec needs; changes nothing."""
    spec = await chimera_of(request).read_spec(text.spec)
    return reply(list(await chimera_of(request).doctor(spec=spec)))


@router.get(
    "/gc",
    operation_id="findLeftovers",
    dependencies=reads(service="*"),
    response_model=Sweep,
    responses=documented(424),
)
async def find_leftovers(request: Request) -> Response:
    """Find what no rollout owns and no service needs; removes nothing."""
    return reply(await chimera_of(request).gc(dry_run=True))


@router.post(
    "/gc",
    operation_id="removeLeftovers",
    dependencies=writes(service="*"),
    response_model=Sweep,
    responses=documented(424),
)
async def remove_leftovers(
    request: Request, wanted: Annotated[GcRequest | None, Body()] = None
) -> Response:
    """Remove what no rollout owns and no service needs."""
    dry_run = wanted.dry_run if wanted else False
    return reply(await chimera_of(request).gc(dry_run=dry_run))


@router.get(
    "/audit/ledger",
    operation_id="verifyLedger",
    dependencies=reads(service="*"),
    response_model=AuditCheck,
    responses=documented(),
)
async def verify_ledger(request: Request) -> Response:
    """Check the ledger's hash chain from its first row to its last."""
    holds, said = await chimera_of(request).verify()
    return reply(AuditCheck(ok=holds, detail=said))
