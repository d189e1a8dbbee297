"""All rollouts, the newest first: by service and outcome, a page at a time."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from chimera import guard
from chimera.app.operations import Chimera
from chimera.core.access import Role
from chimera.core.state import Phase
from chimera.guard import requires
from chimera.web.rendering import page
from chimera.web.views.status import row_of

PAGE = 25
OUTCOMES = {
    "live": ("Live now", tuple(one for one in Phase if not one.final)),
    "promoted": ("Promoted", (Phase.SUCCEEDED,)),
    "rolled-back": ("Rolled back by a check", (Phase.ROLLED_BACK,)),
    "aborted": ("Aborted by a person", (Phase.ABORTED,)),
    "left": ("Cleanup incomplete", (Phase.CLEANUP_INCOMPLETE,)),
}

router = APIRouter(include_in_schema=False)


@router.get("/history", dependencies=[requires(Role.VIEWER)])
async def history(
    request: Request,
    service: Annotated[str, Query(max_length=63)] = "",
    outcome: Annotated[str, Query(max_length=20)] = "",
    before: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """List rollouts. before: the id that the page before ended with."""
    chimera: Chimera = request.app.state.chimera
    who = guard.principal(request)
    names = [one.name for one in await chimera.services() if who.may(Role.VIEWER, one.name)]
    found = await chimera.history_for(
        who,
        service=service,
        phase=OUTCOMES.get(outcome, ("", ()))[1],
        limit=PAGE + 1,
        before=before,
    )
    shown = found[:PAGE]
    chosen = {"service": service, "outcome": outcome}
    query = {name: value for name, value in chosen.items() if value}
    older = {**query, "before": shown[-1].rollout.id} if len(found) > PAGE else {}
    return page(
        request,
        "history.html",
        nav="History",
        rows=[row_of(one) for one in shown],
        services=[("", "All services"), *((one, one) for one in names)],
        outcomes=[("", "All outcomes"), *((key, word) for key, (word, _) in OUTCOMES.items())],
        chosen=chosen,
        older=f"/history?{urlencode(older)}" if older else "",
        newest=f"/history?{urlencode(query)}" if before else "",
    )
