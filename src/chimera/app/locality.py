"""Whether services can run as processes beside Chimera, and from where their ports are reached."""

from __future__ import annotations

from chimera.app.settings import Settings
from chimera.core.errors import SpecError
from chimera.engine.settings import EngineSettings

_SHARED = EngineSettings.model_fields["task_queue"].default


def why_not_here(settings: Settings) -> str:
    """Say why nobody can tell on which machine a process would run, "" if it is this one.

    That is so with an embedded engine, or with a task queue of this machine's own.
    """
    engine = settings.engine
    if engine.embedded or engine.task_queue != _SHARED:
        return ""
    return (
        f"Several workers may share the engine at {engine.address}: nobody could say on which of "
        "their machines it would run. Deploy to Amazon ECS; or give one machine its own "
        "`CHIMERA_TEMPORAL_TASK_QUEUE`."
    )


def refuse_elsewhere(settings: Settings) -> None:
    """Raise SpecError if a process would not surely run on this machine."""
    if why := why_not_here(settings):
        raise SpecError("nothing can run on this machine", hint=why)


def in_container(settings: Settings) -> bool:
    """Whether only the page's port comes out, as the compose file has it."""
    return bool(settings.guard.published)
