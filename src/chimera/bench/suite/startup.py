"""How long one waits for the command line, and for a controller to be ready."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from chimera.app.settings import Settings
from chimera.bench.report import Bench, Figure, Report, quantile
from chimera.bench.stage import controlled, folder
from chimera.core.errors import ChimeraError


async def run(bench: Bench) -> Report:
    """Ask for help 20 times, and start a controller in a new folder 5 times."""
    helps, starts = bench.times(20), bench.times(5)
    bench.say(f"{helps} times chimera --help")
    asked = [await asyncio.to_thread(ask_for_help) for _ in range(helps)]
    bench.say(f"{starts} cold starts of a controller")
    started = [await start_controller() for _ in range(starts)]
    walls, cpus = [wall for wall, _ in asked], [cpu for _, cpu in asked]
    return Report(
        (
            Figure("chimera --help, p50", quantile(walls, 0.5), "s", 0.3),
            Figure("chimera --help, best", min(walls), "s"),
            Figure("chimera --help, processor time, p50", quantile(cpus, 0.5), "s"),
            Figure("controller, cold start to ready, p50", quantile(started, 0.5), "s"),
            Figure("controller, cold start to ready, best", min(started), "s"),
        ),
        (f"{helps} and {starts} times; a cold start makes the ledger and the engine's database",),
    )


def ask_for_help() -> tuple[float, float]:
    """Return the wall and processor seconds of `chimera --help`."""
    began = time.perf_counter()
    devnull = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    command = [sys.executable, "-m", "chimera", "--help"]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=devnull)
    _, status, used = os.wait4(pid, 0)
    took = time.perf_counter() - began
    if status:
        raise ChimeraError(f"`chimera --help` ended with {os.waitstatus_to_exitcode(status)}")
    return took, used.ru_utime + used.ru_stime


async def start_controller() -> float:
    """Return the seconds that a controller takes from nothing to ready."""
    with folder() as home:
        settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
        began = time.perf_counter()
        async with controlled(settings):
            return time.perf_counter() - began
