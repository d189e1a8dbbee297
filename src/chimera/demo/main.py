"""`chimera demo`: set the stage, tell the story, say how it ended."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from datetime import timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chimera.core.errors import SpecError, UnknownAdapter
from chimera.core.words import duration
from chimera.demo.interrupt import Interrupted, interruptible
from chimera.demo.leaving import Leaving
from chimera.demo.place import Place, ThisMachine
from chimera.demo.screen import TerminalScreen, met_in_words
from chimera.demo.story import Ending, Options, begin, tell

OK, FAILED, INTERRUPTED = 0, 1, 130
PLATFORMS = ("local", "aws", "ecs-appmesh", "ecs-alb")


def run_demo(
    *,
    platform: str = "local",
    rate: float = 200,
    port: int = 0,
    keep: bool = False,
    plan: bool = False,
    no_color: bool = False,
) -> int:
    """Run the demo and return its exit code: 0 if both rollouts ended as they should.

    platform: one of PLATFORMS; "aws" is what the first Chimera ran on, ecs-appmesh. port: of the
    service on this machine, 0 is a free one. plan: show what it will do first. ChimeraError if it
    cannot be done here.
    """
    console = Console(no_color=no_color or bool(os.environ.get("NO_COLOR")), highlight=False)
    screen = TerminalScreen(console)
    options = Options(rate=rate, keep=keep, plan=plan)
    place = _place(platform, port)
    began, leaving = time.monotonic(), begin(place)
    try:
        ending = asyncio.run(interruptible(tell(screen, options, leaving), screen.say))
    except Interrupted:
        return _stopped(console, leaving)
    except Exception:
        _tell_what_remains(console, leaving)
        raise
    _finish(console, screen, place, ending)
    if leaving.keep:
        _tell_ways_on(console, place, ending, leaving)
    elif leaving.clean:
        console.print(Text(place.farewell(leaving.swept)))
    else:
        _tell_what_remains(console, leaving)
    took = duration(timedelta(seconds=round(time.monotonic() - began)))
    console.print(Text(f"Took {took}."))
    return OK if ending.as_told and leaving.clean else FAILED


def _stopped(console: Console, leaving: Leaving) -> int:
    with suppress(OSError):  # the terminal may be gone
        _tell_what_remains(console, leaving)
        if leaving.clean:
            console.print("Stopped; everything that the demo had started is gone.")
    return INTERRUPTED if leaving.clean else FAILED


def _tell_what_remains(console: Console, leaving: Leaving) -> None:
    for line in () if leaving.clean else leaving.remains():
        console.print(Text(line), soft_wrap=True)


def _place(platform: str, port: int) -> Place:
    if platform not in PLATFORMS:
        raise UnknownAdapter("platform", platform, PLATFORMS)
    if platform == "local":
        return ThisMachine(port)
    if port:
        raise SpecError("--port is for the demo on this machine", hint="leave it out")
    from chimera.demo.range import PracticeRange

    return PracticeRange("ecs-appmesh" if platform == "aws" else platform)


def _finish(console: Console, screen: TerminalScreen, place: Place, ending: Ending) -> None:
    screen.chapter("What happened")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rollout", "ended", "users met on the canary", "removed"):
        table.add_column(name, overflow="fold")
    for view in ending.rollouts:
        state, rollout = view.state, view.rollout
        removed = f"{len(state.removed)} of {len(state.removed) + len(state.left)}"
        way = f"{rollout.stable.name} to {rollout.canary.name}"
        table.add_row(way, state.phase.words, met_in_words(view), removed)
    console.print(table)
    met = ending.met
    said = (
        f"In all {met.sent:,} requests went through {place.through}, {len(met.failures):,} failed."
    )
    console.print(Text(said))
    for view in ending.rollouts:
        console.print(Text(f"{view.rollout.canary.name}: {view.headline}"))


def _tell_ways_on(console: Console, place: Place, ending: Ending, leaving: Leaving) -> None:
    console.print(Text(f"It stays up: {ending.address}, and its page: {ending.page}"))
    for words, command in place.ways_on(leaving.settings.home):
        console.print(Text(f"  {words}{command}"), soft_wrap=True)
