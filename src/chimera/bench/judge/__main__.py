"""`python -m chimera.bench.judge`: the judge against its peers, in simulated worlds and live."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chimera import __version__
from chimera.bench.judge import live, plots, tables
from chimera.bench.judge.arena import Role
from chimera.bench.judge.contest import Result, contest, contest_again, read, save
from chimera.bench.judge.grid import QUICK, WHOLE, Grid
from chimera.bench.judge.report import FOLDER, Material, markdown
from chimera.bench.judge.studies import (
    Agreement,
    Blame,
    Defaults,
    OtherPlan,
    Twin,
    agreements,
    blames,
    defaults,
    other_plans,
    twin,
)

PAGE = "judge-benchmark.md"
# Seeds 2 and 3 were held out until moods were reckoned with, and are no longer.
DEVELOPMENT, HELD_OUT, AGAIN = 1, 5, 6
DOCS = Path("docs/reference")


def main(arguments: list[str] | None = None) -> int:
    """Play the grid and write the report."""
    given = _parser().parse_args(arguments)
    out, keep = given.out or (Path("build/judge") if given.quick else DOCS), given.keep
    drawings = out / FOLDER
    drawings.mkdir(parents=True, exist_ok=True)
    recorded = drawings / "live.json"
    if given.live:
        asyncio.run(live.run(given.live, recorded))
    kept = _Kept(keep, given.workers)
    held_out = kept.grid(QUICK if given.quick else WHOLE, given.seed)
    material = Material(
        version=__version__,
        date=given.date,
        seeds=(DEVELOPMENT, given.seed),
        development=kept.grid(QUICK, DEVELOPMENT),
        held_out=held_out,
        again=kept.again(held_out),
        blames=kept.study(Blame, lambda: blames(given.seed)),
        agreements=kept.study(Agreement, lambda: agreements(given.seed)),
        defaults=kept.study(Defaults, lambda: defaults(given.seed)),
        other_plans=kept.study(OtherPlan, lambda: other_plans(given.seed)),
        twins=kept.study(Twin, lambda: [twin(name, given.seed) for name in live.FAULTS]),
        live=live.read(recorded),
    )
    (out / PAGE).write_text(markdown(material))
    rule, slower = tables.names(held_out, Role.OURS)[:2]
    plots.draw(drawings, held_out, rule, slower)
    print(out / PAGE)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chimera.bench.judge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a coarse grid, in some minutes")
    parser.add_argument("--seed", type=int, default=HELD_OUT, help="of the whole grid")
    parser.add_argument("--live", type=int, default=0, metavar="N", help="real rollouts per fault")
    parser.add_argument("--out", type=Path, help="the folder of the report; default docs/reference")
    parser.add_argument("--keep", type=Path, help="a folder of results; those there are reused")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    today = datetime.now(UTC).date().isoformat()
    parser.add_argument("--date", default=today, help="as the report says it; default today")
    return parser


@dataclass(frozen=True, slots=True)
class _Kept:
    """Results, from the folder if they are there."""

    folder: Path | None
    workers: int

    def grid(self, grid: Grid, seed: int) -> tuple[Result, ...]:
        """Play a grid, from where it was broken off."""
        path = self.folder / f"grid-{seed}-{len(grid.worlds)}.csv" if self.folder else None
        results = list(read(path)) if path is not None and path.exists() else []
        done = len({(one.world, one.rate, one.errors) for one in results})
        began, rest = time.monotonic(), len(grid.worlds) - done
        played = contest(grid.worlds, seed, grid.runs, self.workers, since=done) if rest else ()
        for number, found in enumerate(played, start=1):
            results += found
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                save(path, results)
            left = (time.monotonic() - began) / number * (rest - number)
            said = (
                f"{done + number}/{len(grid.worlds)} {found[0].world:24} {left / 60:.0f} min left "
            )
            print("\r" + said, end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return tuple(results)

    def again(self, held_out: Sequence[Result]) -> tuple[Result, ...]:
        """Play the worlds again in which a healthy version was rolled back."""
        return self._results("again.csv", lambda: contest_again(held_out, AGAIN))

    def study(self, kind: type[Any], make: Callable[[], Any]) -> tuple[Any, ...]:
        """Do a smaller study."""
        path = self.folder / f"{kind.__name__.lower()}.json" if self.folder else None
        if path is not None and path.exists():
            return tuple(kind(**row) for row in json.loads(path.read_text()))
        print(kind.__name__.lower(), file=sys.stderr)
        found = tuple(make())
        if path is not None:
            path.write_text(json.dumps([asdict(one) for one in found]))
        return found

    def _results(self, name: str, make: Callable[[], Sequence[Result]]) -> tuple[Result, ...]:
        path = self.folder / name if self.folder else None
        if path is not None and path.exists():
            return read(path)
        found = tuple(make())
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, found)
        return found


if __name__ == "__main__":
    raise SystemExit(main())
