"""Whether AWS can be used at all, and with which profiles and in which regions: before any choice.

A page waits for it, so it is given little time: what is not known by then is left open, and the
rest of the look goes on by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from chimera.app.cloud import Cloud, Identity, Prospects
from chimera.core.errors import ProviderDenied, ProviderError

PATIENCE_S = 3.0
_looking: set[asyncio.Task[None]] = set()


async def look_around() -> Prospects:
    """Return what is known of AWS here after `PATIENCE_S` at most."""
    known = [Prospects()]
    task = asyncio.create_task(_look(known))
    _looking.add(task)
    task.add_done_callback(_looking.discard)
    await asyncio.wait({task}, timeout=PATIENCE_S)
    return known[-1]


async def _look(known: list[Prospects]) -> None:
    from chimera.platforms.aws.prospects import look_here

    here = await asyncio.to_thread(look_here)
    known.append(here)
    if not here.own or not here.region:
        return  # nobody to ask as, or nowhere
    async with Cloud() as cloud:
        try:
            await cloud.connect(Identity())
        except ProviderDenied as error:
            why_not = "" if here.profiles else _refused(error)
            known.append(replace(here, own=False, why_not=why_not))
            return
        except ProviderError:
            return  # it may be there when it is needed
        with suppress(ProviderError):
            known.append(replace(here, regions=await cloud.regions(Identity())))


def _refused(error: ProviderDenied) -> str:
    return f"AWS does not take the credentials of Chimera's machine: {error.reason}."
