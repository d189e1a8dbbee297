"""`python -m chimera.bench`: measure what Chimera promises, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from chimera.bench import catalog, show
from chimera.bench.report import Bench
from chimera.core.errors import ChimeraError
from chimera.demo.interrupt import Interrupted, interruptible

QUICK = 0.05
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def main(args: Sequence[str]) -> int:
    """Run the benchmarks asked for and return the exit code.

    0: all could be run, whatever they measured, unless --strict. 1: one failed, or with --strict
    missed a goal. 2: what one of them needs is not installed.
    """
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
    failed = max(one.code for one in done)
    return failed or (FAILED if given.strict and any(one.missed for one in done) else 0)


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
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a goal is missed")
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("write a share from 0 to 1")
    return value


def _measure(benchmark: catalog.Benchmark, bench: Bench) -> show.Done:
    began = time.monotonic()
    report, problem, code = None, "", 0
    bench.say(f"{benchmark.name}: {benchmark.about}")
    try:
        report = asyncio.run(interruptible(benchmark.run(bench), bench.say))
    except Interrupted:
        raise
    except Exception as error:  # the others may still run
        problem, code = _told(error)
    seconds = time.monotonic() - began
    return show.Done(benchmark.name, benchmark.about, seconds, report, problem, code)


def _told(error: Exception) -> tuple[str, int]:
    """Say why a benchmark could not be run, and the exit code for it."""
    if isinstance(error, ChimeraError):
        return (f"{error}; {error.hint}" if error.hint else str(error)), FAILED
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    package = (missing or "chimera").partition(".")[0]
    if package != "chimera":
        hint = "`make setup` installs it, elsewhere `pip install 'chimera-canary[dev]'`"
        return f"the Python package '{package}' is missing; {hint}", USAGE
    traceback.print_exception(error)
    return f"internal error: {error!r}", FAILED


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (KeyboardInterrupt, Interrupted):
        sys.exit(INTERRUPTED)
