"""Leaving nothing behind: what a demo had started is ended, and what is left of it is named."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from datetime import timedelta

from chimera.app.launch import stop_controller
from chimera.app.lock import find_controller
from chimera.app.operations import Chimera
from chimera.app.reports import Sweep
from chimera.app.settings import Settings
from chimera.core.spec import Spec
from chimera.core.words import duration
from chimera.demo.place import Place

CLEAR_WITHIN = timedelta(minutes=3)
_SERVICE = "the service could not be removed"


@dataclass(slots=True)
class Leaving:
    """How a demo ends. keep: leave it all up. swept: what its place removed, and what is left.

    problems: why it is not known that nothing is left, a sentence each. The data folder, by which
    the rest can be found and removed, is deleted only where nothing is left.
    """

    settings: Settings
    place: Place
    keep: bool = False
    swept: Sweep = field(default_factory=lambda: Sweep(()))
    problems: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is left, as far as anybody can tell."""
        return not self.swept.left and not self.problems

    async def clear(self, app: Chimera, spec: Spec) -> None:
        """End what is under way and remove what runs; whatever goes wrong is noted."""
        try:
            async with asyncio.timeout(CLEAR_WITHIN.total_seconds()):
                self.swept = await self.place.clear(app, spec)
        except TimeoutError:
            self.problems.append(f"{_SERVICE} within {duration(CLEAR_WITHIN)}")
        except Exception as error:
            self._note(_SERVICE, error)

    async def close(self) -> None:
        """End the controller, let go of the place, and delete the data folder if all is gone."""
        home = self.settings.home
        if not self.keep:
            await self._stop()
        try:
            await self.place.close(keep=self.keep)
        except Exception as error:
            self._note("the place could not be closed", error)
        if not self.keep and self.clean:
            shutil.rmtree(home, ignore_errors=True)

    async def _stop(self) -> None:
        try:
            await stop_controller(self.settings)
        except Exception as error:
            self._note("the controller could not be stopped", error)
        else:
            if find_controller(self.settings.home) is not None:
                self.problems.append("a controller still starts")

    def _note(self, what: str, error: Exception) -> None:
        self.problems.append(f"{what}: {str(error) or repr(error)}")

    def remains(self) -> tuple[str, ...]:
        """Say what is left, a line each, and how to remove it."""
        left = ", ".join(map(str, self.swept.left))
        return (
            *(f"Not cleaned up: {problem}." for problem in self.problems),
            *([f"{len(self.swept.left)} left behind: {left}"] if left else []),
            f"Remove the rest:  {self.place.way_out(self.settings.home)}",
        )
