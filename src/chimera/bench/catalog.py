"""Finding the benchmarks: every module in `bench/suite` is one, by its name."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from chimera.bench import suite
from chimera.bench.report import Bench, Report
from chimera.core.errors import UnknownAdapter

Run = Callable[[Bench], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark. about: the first line of its module, which is imported only by `run`.

    So one whose packages are not installed is listed like the others, and does not hinder them.
    """

    name: str
    about: str
    run: Run


def names() -> tuple[str, ...]:
    """Return the names of all benchmarks, sorted."""
    return tuple(sorted(module.name for module in iter_modules(suite.__path__)))


def find(name: str) -> Benchmark:
    """Return a benchmark by its name. Raises UnknownAdapter."""
    if name not in names():
        raise UnknownAdapter("benchmark", name, names())
    return Benchmark(name, _about(name), partial(_run, name))


def _about(name: str) -> str:
    source = Path(suite.__path__[0], f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


async def _run(name: str, bench: Bench) -> Report:
    report: Report = await import_module(f"{suite.__name__}.{name}").run(bench)
    return report
