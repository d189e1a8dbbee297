"""Deleting what something else has just let go: AWS takes a moment to see that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.aws.errors import caused_by, is_absent

IN_USE = ("ResourceInUse", "ResourceInUseException")
WITHIN_S = 20.0


async def delete(call: Callable[[], Awaitable[Any]]) -> None:
    """Delete something; gone is fine. ProviderRefused if it stays in use for longer than that."""
    deadline, pause_s = time.monotonic() + WITHIN_S, 0.2
    while True:
        try:
            await call()
        except ProviderRefused as error:
            if not is_absent(error):
                raise
        except ProviderUnavailable as error:
            if not caused_by(error, *IN_USE):
                raise
            if time.monotonic() > deadline:
                hint = "take it out of whatever else uses it"
                raise ProviderRefused(
                    error.provider, error.operation, error.reason, hint=hint
                ) from error
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 2.0)
            continue
        return
