"""The one-time setup of a cluster for ecs-appmesh: its plan, then the writes with progress."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from chimera import guard
from chimera.app.cloud import Cloud, Identity
from chimera.core.access import Role
from chimera.core.errors import ChimeraError, RolloutNotFound
from chimera.core.model import Change
from chimera.store.documents import Document, Documents
from chimera.web.rendering import page

router = APIRouter(include_in_schema=False)
ADMIN = guard.requires(Role.ADMIN)
KIND = "setup"
LIFE = timedelta(days=1)
_FIELDS = ("region", "profile", "role", "cluster")
_running: set[asyncio.Task[None]] = set()


class Job(BaseModel):
    """One setup under way, as the store keeps it: any replica can show it.

    wanted, done: the writes in words. over: nothing more will be done. trouble: why it ended early.
    """

    cluster: str
    remove: bool = False
    wanted: list[str] = []
    done: list[str] = []
    over: bool = False
    trouble: str = ""
    hint: str = ""


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
    job = Job(cluster=asked["cluster"], remove=bool(form.get("remove")))
    key, who = secrets.token_urlsafe(9), guard.principal(request)
    access = request.app.state.access
    await _keep(access.documents, key, who.name, job)
    action = "setup.remove" if job.remove else "setup.apply"
    await access.audit.note(guard.actor(request), action, job.cluster)
    task = asyncio.create_task(_work(access.documents, key, who.name, job, _identity(asked)))
    _running.add(task)
    task.add_done_callback(_running.discard)
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
    job = Job.model_validate_json(found.body)
    return page(request, "new/setup_progress.html", job=job, key=key)


async def _work(documents: Documents, key: str, owner: str, job: Job, who: Identity) -> None:
    async def tell(change: Change) -> None:
        job.done.append(_said(change))
        await _keep(documents, key, owner, job)

    try:
        async with Cloud() as cloud:
            found = await cloud.setup(who, job.cluster)
            changes = await (found.removal() if job.remove else found.plan())
            job.wanted = [_said(change) for change in changes]
            await _keep(documents, key, owner, job)
            await (found.remove(tell) if job.remove else found.apply(tell))
    except ChimeraError as error:
        job.trouble, job.hint = str(error), error.hint
    finally:
        job.over = True
        await _keep(documents, key, owner, job)


async def _keep(documents: Documents, key: str, owner: str, job: Job) -> None:
    until = datetime.now(UTC) + LIFE
    await documents.put(Document(KIND, key, job.model_dump_json(), owner, until))


def _identity(asked: dict[str, str]) -> Identity:
    return Identity(asked["region"], asked["profile"], asked["role"])


def _said(change: Change) -> str:
    verb = {"+": "create", "~": "change", "-": "remove"}[change.action]
    return f"{verb} {change.resource}"
