"""Where the demo's story plays, and what differs there: this machine, or the practice range."""

from __future__ import annotations

import shlex
import shutil
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chimera.app.operations import Chimera
from chimera.app.reports import RolloutView, Sweep
from chimera.core.access import Role
from chimera.core.errors import ChimeraError
from chimera.core.spec import Spec
from chimera.core.state import Phase
from chimera.demo.logospec import logo_spec
from chimera.demo.telling import Screen
from chimera.platforms.local.spawn import free_port

RULES = """\
strategy: fast
steps: [{setWeight: 5}, {setWeight: 25}, {setWeight: 50}]
errorRate: 1%
latencyP95: 300ms
scaleDownDelay: 2s
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """What was found or built to play on. spec: its text. host, port: where users come in."""

    spec: str
    host: str
    port: int


class Place(Protocol):
    """One place. through: what the users' requests go through, in words.

    first: the versions that a deploy brings up before version 2. settles_s: how long the load runs
    before that.
    """

    through: str
    settles_s: float
    first: tuple[str, ...]

    async def open(self, screen: Screen, home: Path) -> Ground:
        """Build the ground and tell about it; `close` is called also if this fails."""

    def introduce(self, screen: Screen) -> None:
        """Tell what users find before anything is deployed."""

    async def begin(self, app: Chimera, spec: Spec) -> None:
        """Have version 1 serve."""

    async def after(self, screen: Screen, view: RolloutView) -> None:
        """Tell what a rollout that is over has left standing."""

    async def clear(self, app: Chimera, spec: Spec) -> Sweep:
        """End what is under way, remove what the place does not take with it; say what is left."""

    async def close(self, *, keep: bool) -> None:
        """Let go of the ground; unless `keep`, nothing of it is left."""

    def farewell(self, swept: Sweep) -> str:
        """Return the sentence that says that nothing is left."""

    def way_out(self, home: Path) -> str:
        """Return the command that removes what could not be removed."""

    def ways_on(self, home: Path) -> Sequence[tuple[str, str]]:
        """Return what one can do when it stays up: (in words, the command)."""


class ThisMachine:
    """Processes behind an Envoy of their own."""

    through = "Envoy"
    settles_s = 0.25
    first: tuple[str, ...] = ("1",)

    def __init__(self, port: int = 0) -> None:
        self._port = port or free_port()

    async def open(self, screen: Screen, home: Path) -> Ground:  # noqa: ARG002 - nothing is built
        """Nothing needs to be built."""
        return Ground(spec_text(self._port), "127.0.0.1", self._port)

    def introduce(self, screen: Screen) -> None:
        """Tell where users will reach it."""
        screen.chapter("version 1, black and white, is installed: two processes behind an Envoy")
        screen.say(f"users reach it at http://127.0.0.1:{self._port}/")

    async def begin(self, app: Chimera, spec: Spec) -> None:
        """Install version 1; ChimeraError if it cannot be started."""
        rollout = await app.deploy(spec, version="1", by="demo")
        async for view, _, _ in app.follow(rollout.id):
            last = view
        if last.state.phase is not Phase.SUCCEEDED:
            raise ChimeraError(f"version 1 could not be started: {last.headline}")

    async def after(self, screen: Screen, view: RolloutView) -> None:
        """Nothing: the rollout's own view says it all."""

    async def clear(self, app: Chimera, spec: Spec) -> Sweep:
        """Remove the service, also in the middle of a rollout: that one is ended first."""
        if not await app.history(service=spec.service, limit=1):
            return Sweep(())  # it was stopped before anything was deployed
        await end_rollout(app, spec.service)
        swept = await app.down(spec.service)
        found = (await app.gc(dry_run=True)).found
        return Sweep(swept.found, swept.removed, tuple(dict.fromkeys((*swept.left, *found))))

    async def close(self, *, keep: bool) -> None:
        """Nothing is held."""

    def farewell(self, swept: Sweep) -> str:
        """Return the sentence that says that nothing is left."""
        kinds = ", ".join(sorted({one.kind for one in swept.removed}))
        return f"Nothing is left running: {len(swept.removed)} things removed ({kinds})."

    def way_out(self, home: Path) -> str:
        """Return the command that removes what could not be removed."""
        return f"CHIMERA_HOME={home} chimera down logo --controller --yes && rm -r {home}"

    def ways_on(self, home: Path) -> Sequence[tuple[str, str]]:
        """Return what one can do when it stays up."""
        return (
            exporting(home),
            ("look at it:     ", "chimera list; chimera history; chimera logs logo --looks"),
            ("sign in again:  ", "chimera user list; chimera user link NAME"),
            sending(f"http://127.0.0.1:{self._port}/"),
            ("deploy again:   ", f"chimera deploy {home}/logo.yaml --version 4"),
            ("remove it all:  ", f"chimera down logo --controller --yes && rm -r {home}"),
        )


async def end_rollout(app: Chimera, service: str) -> None:
    """End the rollout of a service that is under way, and wait until it is over."""
    for view in await app.history(service=service, live=True, limit=1):
        verb = "promote" if view.state.phase is Phase.RETIRING else "abort"
        await app.request(
            view.rollout.id, verb, by="demo", role=Role.ADMIN, reason="the demo was stopped"
        )
        async for _ in app.follow(view.rollout.id):
            pass


def exporting(home: Path, **more: str) -> tuple[str, str]:
    """Return what a shell must know before the other commands: (words, command).

    `make demo` runs the command from an environment that is not on the caller's PATH.
    """
    found = shutil.which("chimera")
    path = "" if found else f"PATH={shlex.quote(sysconfig.get_path('scripts'))}:$PATH"
    pairs = [f"{name}={shlex.quote(value)}" for name, value in more.items()]
    said = [f"CHIMERA_HOME={home}", *pairs, path]
    return "first:          ", "export " + " ".join(filter(None, said))


def sending(url: str) -> tuple[str, str]:
    """Return how the requests go on, without which no canary can be judged: (words, command)."""
    return "its requests:   ", f"chimera demo --load {url} &"


def spec_text(port: int) -> str:
    """Return the demo's spec for a front port of this machine."""
    return logo_spec(port, RULES)
