"""The page of one rollout, and the stream that keeps it up to date."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from chimera import guard
from chimera.app.live import LiveHub, Update
from chimera.app.masking import masked
from chimera.app.operations import Chimera
from chimera.app.picturing import is_drawn
from chimera.app.reports import Answer, LookView, RolloutView
from chimera.app.series import points
from chimera.core.access import Principal, Role
from chimera.core.offers import offers
from chimera.guard import requires
from chimera.guard.streaming import EventStream, Viewer, event, streamed
from chimera.web.rendering import environment, page
from chimera.web.views.actions import Action, actions
from chimera.web.views.charts import chart_data, more_points
from chimera.web.views.rollout import VERDICTS, rollout_page

MOST_LOOKS = 4_000
MOST_LINES = 500

router = APIRouter(include_in_schema=False)


@router.get("/rollouts/{ref}", dependencies=[requires(Role.VIEWER, service="ref")])
async def show(request: Request, ref: str) -> Response:
    """Show a rollout as it is; the stream goes on from there."""
    return await shown(request, ref)


async def shown(
    request: Request, ref: str, answer: Answer | None = None, status: int = 200
) -> Response:
    """Return the page. answer: what became of the request that led here."""
    chimera: Chimera = request.app.state.chimera
    view = await chimera.status(ref)
    id_ = view.rollout.id
    looks = await chimera.looks(id_, last=MOST_LOOKS)
    lines = await chimera.lines(id_)
    cursor = f"{looks[-1].number if looks else 0}-{lines[-1].seq if lines else 0}"
    return page(
        request,
        "rollout.html",
        nav="Overview",
        status=status,
        answer=answer,
        cursor=cursor,
        lines=lines[-MOST_LINES:],
        spec=masked({"spec": view.rollout.spec})["spec"],
        chart_data=chart_data(view, looks),
        trouble="",
        drawn=is_drawn(view),
        **_live(view, looks[-1:], guard.principal(request)),
    )


def _live(view: RolloutView, looks: Sequence[LookView], who: Principal) -> dict[str, Any]:
    """Return what the part that changes is made from."""
    now = datetime.now(UTC)
    shown = rollout_page(view, looks, now)
    return {"p": shown, "actions": _buttons(view, who), "verdicts": VERDICTS, "now": now}


def _buttons(view: RolloutView, who: Principal) -> tuple[Action, ...]:
    service = view.rollout.service.name
    verbs = offers(view.rollout.plan, view.state, datetime.now(UTC))
    return actions(view, verbs, lambda role: who.may(Role(role), service))


@router.get("/rollouts/{ref}/live", dependencies=[requires(Role.VIEWER, service="ref")])
async def live(
    request: Request,
    ref: str,
    after: Annotated[str, Query(max_length=40)] = "",
    last_event_id: Annotated[str, Header(max_length=40)] = "",
) -> EventStream:
    """Stream what changes: points for the charts as JSON, and the part of the page as HTML."""
    hub: LiveHub = request.app.state.live
    chimera: Chimera = request.app.state.chimera
    rollout = (await chimera.status(ref)).rollout
    viewer = Viewer(request, rollout.service.name)
    return streamed(_events(hub, chimera, rollout.id, last_event_id or after, viewer), viewer)


async def _events(
    hub: LiveHub, chimera: Chimera, id_: str, after: str, viewer: Viewer
) -> AsyncGenerator[bytes]:
    latest: Sequence[LookView] = ()
    async with aclosing(hub.watch(id_, after)) as updates:
        async for update in updates:
            if update.looks:
                latest = update.looks[-1:]
            elif not latest and update.at.look:
                latest = await chimera.looks(id_, after=update.at.look - 1, limit=1)
            yield _messages(update, latest, viewer.principal)
            if update.over:
                yield event("yes", name="over")
                return


def _messages(update: Update, latest: Sequence[LookView], who: Principal) -> bytes:
    """Return the messages of an update: made once for all viewers with the same rights."""
    buttons = _buttons(update.view, who)
    key = f"page:{','.join(one.verb for one in buttons)}"
    if key not in update.memo:
        update.memo[key] = _made(update, latest, buttons)
    made: bytes = update.memo[key]
    return made


def _made(update: Update, latest: Sequence[LookView], buttons: tuple[Action, ...]) -> bytes:
    now = datetime.now(UTC)
    found = more_points(update.view, points(update.view.rollout.plan.analysis, update.looks))
    html = (
        environment()
        .get_template("rollout_update.html")
        .render(
            p=rollout_page(update.view, latest, now),
            actions=buttons,
            verdicts=VERDICTS,
            now=now,
            lines=update.lines,
            trouble=update.trouble,
        )
    )
    # Only the last message bears the cursor: a stream that breaks between them loses nothing.
    return event(json.dumps(found), name="points") + event(html, id_=update.cursor)
