"""`chimera demo --load URL`: requests for what a demo has left running, for a while."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from rich.console import Console
from rich.text import Text

from chimera.core.errors import ChimeraError, SpecError
from chimera.core.words import duration
from chimera.demo.interrupt import Interrupted, interruptible
from chimera.demo.load import Load

LONGEST = timedelta(minutes=10)
SILENCE = timedelta(seconds=10)


def run_load(url: str, *, rate: float = 200, no_color: bool = False) -> int:
    """Send `rate` requests/s until LONGEST is over, nobody answers any more, or Ctrl-C.

    Returns the exit code. SpecError for an address that cannot be; ChimeraError if nobody answered.
    """
    console = Console(no_color=no_color or bool(os.environ.get("NO_COLOR")), highlight=False)
    parts = _parts(url)
    load = Load(
        parts.port or 80, host=parts.hostname or "", rate=rate, path=_path(parts), patience_s=5.0
    )
    said = f"{rate:g} requests/s are sent to {url} for {duration(LONGEST)}; Ctrl-C ends it"
    console.print(Text(said), soft_wrap=True)
    with suppress(Interrupted):  # that is how it is ended
        asyncio.run(interruptible(_send(load), lambda _: None))
    met = load.tally
    if met.sent and not met.answered:
        raise ChimeraError(
            f"nobody answers at {url}",
            hint="`chimera demo --keep` leaves a service running and says where it is",
        )
    console.print(Text(f"{met.sent:,} requests were sent, {len(met.failures):,} failed."))
    return 0


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SpecError(f"cannot send requests to '{url}'", hint="write http://HOST:PORT/PATH")
    return parts


def _path(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


async def _send(load: Load) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + LONGEST.total_seconds()
    answered, heard_at = 0, loop.time()
    async with load:
        while loop.time() < until and loop.time() - heard_at < SILENCE.total_seconds():
            await asyncio.sleep(0.5)
            if load.tally.answered > answered:
                answered, heard_at = load.tally.answered, loop.time()
