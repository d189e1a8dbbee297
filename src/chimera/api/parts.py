"""What the routes share: the parts of the application, rules, parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, params

from chimera.api.idempotency import IDEMPOTENT, IDEMPOTENT_SECRET
from chimera.app.access import Access
from chimera.app.live import LiveHub
from chimera.app.operations import Chimera
from chimera.app.reports import RolloutView
from chimera.core.access import Role
from chimera.core.errors import NotAllowed
from chimera.guard import about, principal, requires

Ref = Annotated[
    str,
    Path(
        description="A rollout's id, the only one that begins so, or a service: its live rollout, "
        "or else its latest.",
        max_length=200,
        examples=["logo-3fa9c1"],
    ),
]
Service = Annotated[str, Path(description="A service's name.", max_length=63, examples=["logo"])]
After = Annotated[
    int, Query(ge=0, le=2**53, description="Only what has a number above this.", examples=[0])
]


def chimera_of(request: Request) -> Chimera:
    """Return the service functions."""
    found: Chimera = request.app.state.chimera
    return found


def access_of(request: Request) -> Access:
    """Return what is known of people."""
    found: Access = request.app.state.access
    return found


def live_of(request: Request) -> LiveHub:
    """Return what serves live views."""
    found: LiveHub = request.app.state.live
    return found


def reads(role: Role = Role.VIEWER, *, service: str = "") -> list[params.Depends]:
    """Return the dependencies of a route that changes nothing."""
    return [requires(role, service=service, deed=False)]


def writes(
    role: Role = Role.OPERATOR, *, service: str = "", secret: bool = False
) -> list[params.Depends]:
    """Return the dependencies of a route that changes something; its key counts after its rule."""
    return [requires(role, service=service), IDEMPOTENT_SECRET if secret else IDEMPOTENT]


def check(request: Request, role: Role, service: str) -> None:
    """Raise NotAllowed unless whoever asks has the role on a service."""
    who = principal(request)
    about(request, service)
    if not who.may(role, service):
        raise NotAllowed(
            f"{who.name} is not {role} on {service}",
            hint=f"an admin can grant it: {role} on {service}",
        )


async def rollout_of(request: Request, ref: str, role: Role = Role.VIEWER) -> RolloutView:
    """Return the rollout that is meant, if whoever asks has the role on its service."""
    view = await chimera_of(request).status(ref)
    check(request, role, view.rollout.service.name)
    return view
