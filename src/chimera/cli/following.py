"""Staying with a rollout: a live view for people, one line per change elsewhere.

Leaving never stops the rollout: it is held by the controller, not by this process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from chimera.cli.exits import ExitCode
from chimera.cli.output import Output, err_console
from chimera.core.state import Phase
from chimera.core.words import duration
from chimera.terminal import LiveView, plain

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import Line, LookView, RolloutView

KEPT_LOOKS, KEPT_LINES = 120, 20
TIME_TO_REVERT = timedelta(seconds=30)
_ENDINGS = {
    Phase.SUCCEEDED: ExitCode.DONE,
    Phase.ROLLED_BACK: ExitCode.ROLLED_BACK,
    Phase.ABORTED: ExitCode.ABORTED,
}


def outcome(view: RolloutView) -> ExitCode | None:
    """Return the exit code of a rollout that is decided; None while it is not.

    Promoted is released, also while the old version is still kept warm.
    """
    state = view.state
    if state.phase is Phase.RETIRING and state.work is None and state.wake_at is not None:
        return ExitCode.DONE
    if not state.over or state.ending is None:
        return None
    if state.ending is Phase.SUCCEEDED and not state.phase.final:
        return ExitCode.FAILED  # released, but something is left behind
    if state.ending is Phase.ROLLED_BACK and state.promoted_at is not None:
        return ExitCode.ABORTED  # only a person reverts
    return _ENDINGS[state.ending]


def needs_person(view: RolloutView) -> bool:
    """Whether the plan itself waits for a person."""
    state = view.state
    return state.at_gate and state.phase in {Phase.AWAITING_APPROVAL, Phase.PAUSED}


@dataclass
class Follower:
    """Shows one rollout until it is decided. live: draw; else write a line per event.

    patient: stay also where the plan waits for a person. alone: it was said that no controller
    runs. ended: it had to let go of its service and is never decided.
    """

    ref: str
    out: Output
    live: bool
    patient: bool
    view: RolloutView | None = None
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    looks: deque[LookView] = field(default_factory=lambda: deque(maxlen=KEPT_LOOKS))
    alone: bool = False
    ended: bool = False

    async def follow(self, chimera: Chimera, timeout: timedelta | None) -> ExitCode:
        """Stay until the rollout is decided or the time is over."""
        seconds = None if timeout is None else timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await self._draw(chimera) if self.live else await self._read(chimera)
        except TimeoutError:
            self.out.note(
                f"Not decided within {duration(timeout or timedelta(0))}; the rollout goes on. "
                f"Next: chimera status {self.ref} --watch"
            )
            return ExitCode.GOES_ON

    async def _draw(self, chimera: Chimera) -> ExitCode:
        console = err_console()
        with Live(
            console=console,
            get_renderable=self._screen,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        ) as live:
            try:
                return await self._read(chimera)
            finally:
                live.refresh()

    def _screen(self) -> Text | LiveView:
        if self.view is None:
            return Text(f"Waiting for {self.ref} ...")
        over = self.ended or outcome(self.view) is not None
        return LiveView(
            self.view,
            self.lines,
            self.looks,
            datetime.now(UTC),
            fit=True,
            foot="" if over else "Ctrl-C leaves; the rollout goes on.",
        )

    async def _read(self, chimera: Chimera) -> ExitCode:
        async for view, lines, looks in chimera.follow(self.ref):
            self.view = view
            self.lines.extend(lines)
            self.looks.extend(looks)
            self._tell(view, lines)
            if (code := outcome(view)) is not None:
                return code
            if needs_person(view) and not self.patient:
                return ExitCode.NEEDS_APPROVAL
        self.ended = True
        return ExitCode.FAILED  # nobody drives it any more: the engine has lost it

    def _tell(self, view: RolloutView, lines: Sequence[Line]) -> None:
        if self.live:
            return
        for line in lines:
            at = f"{line.at.astimezone(UTC):%H:%M:%S}"
            self.out.note(f"{at}  {line.weight:>3} %  {plain(line.sentence)}")
        warning = view.unattended or view.elsewhere
        if warning and not self.alone:
            self.out.note(plain(warning))
        self.alone = bool(warning)
        if lines and self.out.format == "jsonl":
            self.out.row(view)

    def report(self) -> None:
        """Write the data at the end: the rollout as it is now."""
        view = self.view
        if view is None or self.out.format == "jsonl":
            return
        if self.out.table and self.live:
            return  # the last picture stays on the screen
        now = view.updated_at
        self.out.data(view, lambda: LiveView(view, (), tuple(self.looks), now))


def advice(view: RolloutView, code: ExitCode, now: datetime) -> str:
    """Say what to do after a rollout was left with this code; "" if there is nothing."""
    ref, service = view.rollout.id, view.rollout.service.name
    if code is ExitCode.FAILED and view.unattended:
        return f"chimera gc removes what is left; chimera retry {ref} deploys it again"
    said = {
        ExitCode.FAILED: f"released, but something is left behind: chimera retry {ref}",
        ExitCode.ROLLED_BACK: f"chimera logs {ref} --looks shows every look; "
        f"chimera replay {ref} --spec FILE tries other limits",
        ExitCode.ABORTED: f"chimera retry {ref} deploys it again",
        ExitCode.NEEDS_APPROVAL: f"chimera approve, resume or abort {ref}",
        ExitCode.GOES_ON: f"chimera status {ref} --watch comes back to it",
    }
    if code is ExitCode.DONE and view.state.phase is Phase.RETIRING:
        until = view.state.wake_at
        if until is None or until - now < TIME_TO_REVERT:
            return ""  # nobody would come in time
        at = until.astimezone(UTC)
        day = "" if at.date() == now.astimezone(UTC).date() else f"{at:%Y-%m-%d} "
        return (
            f"until {day}{at:%H:%M:%S} UTC chimera revert {service} returns at once to "
            f"{view.rollout.stable.name}, which stays warm"
        )
    return said.get(code, "")
