"""Finding out what the canary's users met, when it is decided: quickly, or said to be unknown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from chimera.core.exposure import Counted, count
from chimera.engine.job import Job, in_words

log = logging.getLogger(__name__)

EXPOSURE_S = 2.0
_T = TypeVar("_T")


async def exposure(job: Job) -> Counted:
    """Return what the canary's users met so far, and why it may be more if that is not sure."""
    rollout = job.task.rollout
    read = job.platform.metrics.read(rollout.service, rollout.stable, rollout.canary)
    (reading, no_numbers), (last, no_looks) = await asyncio.gather(
        _known(job, read, "the metrics"), _known(job, job.looks.last(rollout.id), "the looks")
    )
    return count(last.look.met if last else None, reading, no_numbers or no_looks)


async def _known(job: Job, call: Awaitable[_T], what: str) -> tuple[_T | None, str]:
    """Return the answer, or None and why there is none."""
    try:
        async with asyncio.timeout(EXPOSURE_S):
            return await call, ""
    except TimeoutError:
        why = f"{what} could not be read within {EXPOSURE_S:.0f} s"
    except Exception as error:  # how many users it met is no reason to leave them there
        why = f"{what} could not be read: {in_words(error)}"
    log.warning("exposure.unknown", extra={"rollout": job.task.rollout.id, "reason": why})
    return None, why
