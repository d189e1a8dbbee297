"""A rollout's report, to read here, to send to a colleague, or for a program."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from chimera.app.operations import Chimera
from chimera.core.access import Role
from chimera.guard import requires
from chimera.guard.headers import REPORT_CSP
from chimera.reporting import Form, write

router = APIRouter(include_in_schema=False)
SEEN = [requires(Role.VIEWER, service="ref")]


@router.get("/rollouts/{ref}/report", dependencies=SEEN)
@router.get("/rollouts/{ref}/report.html", dependencies=SEEN)
async def as_page(request: Request, ref: str) -> Response:
    """Return the report as one file that needs nothing else."""
    return await _written(request, ref, Form.HTML)


@router.get("/rollouts/{ref}/report.md", dependencies=SEEN)
async def as_markdown(request: Request, ref: str) -> Response:
    """Return the report as Markdown."""
    return await _written(request, ref, Form.MARKDOWN)


@router.get("/rollouts/{ref}/report.json", dependencies=SEEN)
async def as_json(request: Request, ref: str) -> Response:
    """Return the report as JSON."""
    return await _written(request, ref, Form.JSON)


@router.get("/rollouts/{ref}/graph.png", dependencies=SEEN)
async def graph(request: Request, ref: str) -> Response:
    """Return the graph that the metrics draw themselves; 404 where there is none now."""
    chimera: Chimera = request.app.state.chimera
    found = await chimera.picture(await chimera.status(ref))
    if found is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return Response(found, media_type="image/png")


async def _written(request: Request, ref: str, form: Form) -> Response:
    chimera: Chimera = request.app.state.chimera
    report = await chimera.report(ref)
    picture = await chimera.picture(report.rollout) if form is Form.HTML else None
    where = "attachment" if "." in request.url.path.rpartition("/")[2] else "inline"
    return Response(
        await asyncio.to_thread(write, report, form, picture),
        media_type=form.media_type,
        headers={
            "Content-Security-Policy": REPORT_CSP,
            "Content-Disposition": f'{where}; filename="{report.rollout.rollout.id}.{form}"',
            "Cache-Control": "no-store",
        },
    )
