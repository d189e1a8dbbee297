"""`python -m chimera.bench`: measure what Chimera promises, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

from rich.console import Console

from chimera.bench import catalog, show
from chimera.bench.report import Bench, Report
from chimera.core.errors import ChimeraError

QUICK = 0.05


class Stopped(Exception):
    """Somebody pressed Ctrl-C."""


def main(args: Sequence[str]) -> int:
    """Run the benchmarks asked for; return 0 if all could be run, whatever they measured."""
    given = _parser().parse_args(args)
    try:
        chosen = [catalog.find(name) for name in given.names or catalog.names()]
    except ChimeraError as error:
        print(f"{error}; {error.hint}", file=sys.stderr)
        return error.exit_code
    effort = QUICK if given.quick else given.effort
    at, on = datetime.now(UTC), show.machine()
    people, talk = Console(highlight=False), Console(stderr=True, highlight=False)
    if given.output == "table":
        people.print(show.heading(at, effort, on))
    done = []
    for benchmark in chosen:
        done.append(_measure(benchmark, Bench(effort, lambda text: talk.print(f"  {text}"))))
        if given.output == "table":
            people.print(show.page(done[-1]))
    if given.output == "json":
        print(json.dumps(show.document(at, effort, on, done), indent=2, ensure_ascii=False))
    return 1 if any(one.problem for one in done) else 0


def _parser() -> argparse.ArgumentParser:
    listed = [catalog.find(name) for name in catalog.names()]
    parser = argparse.ArgumentParser(
        prog="python -m chimera.bench",
        description="Measure what Chimera promises, on this machine; all of it takes 10 minutes.",
        epilog="benchmarks:\n" + "\n".join(f"  {one.name:<10} {one.about}" for one in listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="which ones; none means all")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--quick", action="store_true", help=f"the same as --effort {QUICK:g}")
    parser.add_argument(
        "--effort", type=_share, default=1.0, metavar="SHARE", help="how much of it, 0 to 1"
    )
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("write a share from 0 to 1")
    return value


def _measure(benchmark: catalog.Benchmark, bench: Bench) -> show.Done:
    began = time.monotonic()
    report, problem = None, ""
    bench.say(f"{benchmark.name}: {benchmark.about}")
    try:
        report = asyncio.run(_interruptible(benchmark.run(bench)))
    except ChimeraError as error:
        problem = f"{error}; {error.hint}" if error.hint else str(error)
    except Stopped:
        raise
    except Exception as error:  # the others may still run
        traceback.print_exc()
        problem = f"internal error: {error!r}"
    return show.Done(benchmark.name, benchmark.about, time.monotonic() - began, report, problem)


async def _interruptible(work: Awaitable[Report]) -> Report:
    """Run a benchmark; the first Ctrl-C or SIGTERM makes it clean up, more of them change nothing.

    What it started lives in sessions of its own: nobody else would end it.
    """
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():
            print("  stopping: everything that was started is ended first", file=sys.stderr)
            stopped.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except (Exception, asyncio.CancelledError) as error:
        if stopped.is_set():
            raise Stopped from error
        raise


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (KeyboardInterrupt, Stopped):
        sys.exit(130)
