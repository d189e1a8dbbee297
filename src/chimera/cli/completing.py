"""What a shell may complete: the services and rollouts that Chimera knows, here or there."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import redirect_stderr
from io import StringIO

WITHIN_S = 2.0
LATEST = 50


def services(incomplete: str) -> list[str]:
    """Return the services that begin like this; [] also when they cannot be told."""
    return [name for name in _known()[0] if name.startswith(incomplete)]


def refs(incomplete: str) -> list[str]:
    """Return the services and the latest rollouts that begin like this; [] as above."""
    return [name for known in _known() for name in known if name.startswith(incomplete)]


def _known() -> tuple[list[str], list[str]]:
    """Return services and rollouts; silent, since somebody is in the midst of a line."""
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stderr(StringIO()):
            return asyncio.run(_read())
    except Exception:
        return [], []
    finally:
        logging.disable(logging.NOTSET)


async def _read() -> tuple[list[str], list[str]]:
    from chimera.app.login import find_login
    from chimera.cli.session import opened, settings

    if find_login(os.environ) is None and not settings().home.is_dir():
        return [], []  # nothing is made for the sake of a TAB
    opening = opened()
    async with asyncio.timeout(WITHIN_S), opening as chimera:
        views = await chimera.history(limit=LATEST)
    names = sorted({view.rollout.service.name for view in views})
    return names, [view.rollout.id for view in views]
