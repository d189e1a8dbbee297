"""What `chimera up` runs: all of it in one process, or the worker and the web apart."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from chimera.app.controller import run_controller
from chimera.app.lock import make_home
from chimera.app.settings import Settings

Announce = Callable[[str], None]


class Role(StrEnum):
    """all: worker and web. web: serves only. worker: drives rollouts only."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"


async def serve_until_stopped(
    settings: Settings, role: Role, announce: Announce, *, until_idle: bool = False
) -> None:
    """Run Chimera until SIGINT or SIGTERM, or until it is idle; see `Role`."""
    if role is Role.WORKER or until_idle:
        await run_controller(settings, until_idle=until_idle, announce=announce)
        return
    from chimera.serving.door import door, web_only  # the page is half of all there is to load

    make_home(settings.home)
    with door(settings, announce) as way_in:
        if role is Role.WEB:
            await web_only(settings, way_in, announce)
        else:
            await run_controller(settings, announce=announce, door=way_in.open)
