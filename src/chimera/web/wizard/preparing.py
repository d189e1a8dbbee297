"""The one-time setup of a cluster for ecs-appmesh: its plan, then its progress."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from chimera import guard
from chimera.app.cloud import Cloud, Identity
from chimera.core.access import Role
from chimera.core.errors import ChimeraError, RolloutNotFound, SpecError
from chimera.core.model import Change
from chimera.web.rendering import page
from chimera.web.wizard.setups import KIND, Job, Work, start

router = APIRouter(include_in_schema=False)
ADMIN = guard.requires(Role.ADMIN)
_FIELDS = ("region", "profile", "role", "cluster")


@router.get("/setup", dependencies=[ADMIN])
async def look(request: Request) -> Response:
    """Ask for the cluster; with one, show what would be done there."""
    asked = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    remove = bool(request.query_params.get("remove"))
    changes: Sequence[Change] | None = None
    error: ChimeraError | None = None
    if asked["cluster"]:
        try:
            async with Cloud() as cloud:
                found = await cloud.setup(_identity(asked), asked["cluster"])
                changes = await (found.removal() if remove else found.plan())
        except ChimeraError as problem:
            error = problem
    return page(
        request,
        "new/setup.html",
        status=422 if error else 200,
        asked=asked,
        remove=remove,
        changes=changes,
        error=error,
    )


@router.post("/setup", dependencies=[ADMIN])
async def begin(request: Request) -> Response:
    """Do what was shown, and go to where its progress is seen."""
    form = await request.form()
    asked = {name: str(form.get(name, "")).strip() for name in _FIELDS}
    if not asked["cluster"]:
        raise SpecError("no cluster was named", hint="look at a cluster's setup first")
    job = Job(cluster=asked["cluster"], remove=bool(form.get("remove")))
    key, who = secrets.token_urlsafe(9), guard.principal(request)
    access = request.app.state.access
    work = Work(access.documents, key, who.name, job)
    await work.keep()
    action = "setup.remove" if job.remove else "setup.apply"
    await access.audit.note(guard.actor(request), action, job.cluster)
    start(request.app, work, _identity(asked))
    return RedirectResponse(f"/setup/{key}", 303)


@router.get("/setup/{key}", dependencies=[ADMIN])
async def progress(request: Request, key: str) -> Response:
    """Show how far it is."""
    found = await request.app.state.access.documents.get(KIND, key)
    if found is None:
        raise RolloutNotFound(
            "this setup is not known any more; what it did is still there",
            hint="look at the cluster's setup again: nothing is done twice",
        )
    job = Job.model_validate_json(found.body).seen(datetime.now(UTC))
    return page(request, "new/setup_progress.html", job=job, key=key)


def _identity(asked: dict[str, str]) -> Identity:
    return Identity(asked["region"], asked["profile"], asked["role"])
