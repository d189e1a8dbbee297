"""`chimera up` with a death sentence: it kills itself (-9) at each boundary that it is told, once.

    python -m tests.support.mortal_up before:prepare after:prepare during:watch before:shift@100

A kind of activity is met at its first occurrence, with a weight at the first one at that weight.
Everything but the interceptor is the real thing, on the data folder of CHIMERA_HOME. What was
carried out is noted in the file `deaths` of that folder; the next one dies at what is left.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from chimera.app import controller
from chimera.app.settings import Settings
from chimera.engine.worker import run_worker

INTO_IT_S = 1.5


class Deaths(Interceptor):
    """Kills this process at the first boundary met of those that nobody has died at."""

    def __init__(self, sentences: Sequence[str], home: Path) -> None:
        self._sentences = sentences
        self._file = home / "deaths"

    def meet(self, *boundaries: str) -> None:
        """Pass a boundary, which has several names, or die there."""
        for boundary in boundaries:
            if boundary in self._sentences and boundary not in deaths(self._file):
                with self._file.open("a") as file:
                    file.write(f"{boundary}\n")
                os.kill(os.getpid(), signal.SIGKILL)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Mortal(next, self)


class _Mortal(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, deaths: Deaths) -> None:
        super().__init__(following)
        self._deaths = deaths

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        kind = input.fn.__name__
        weight = getattr(getattr(input.args[0], "effect", None), "weight", None)
        names = (kind, f"{kind}@{weight}")

        def meet(when: str) -> None:
            self._deaths.meet(*(f"{when}:{name}" for name in names))

        meet("before")
        loop = asyncio.get_running_loop()
        amid = loop.call_later(INTO_IT_S, meet, "during")
        try:
            result = await super().execute_activity(input)
        finally:
            amid.cancel()
        meet("after")
        return result


def deaths(file: Path) -> list[str]:
    """The boundaries that somebody died at, in order."""
    return file.read_text().split() if file.exists() else []


def run() -> None:
    """Run the controller until it dies, or is told to stop."""
    settings = Settings.from_environment(os.environ)
    fatal = functools.partial(run_worker, interceptors=[Deaths(sys.argv[1:], settings.home)])
    vars(controller)["run_worker"] = fatal
    asyncio.run(controller.run_controller(settings))


if __name__ == "__main__":
    run()
