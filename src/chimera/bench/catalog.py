"""Finding the benchmarks: every module in `bench/suite` is one, by its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from chimera.bench import suite
from chimera.bench.report import Bench, Report
from chimera.core.errors import UnknownAdapter

Run = Callable[[Bench], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark. about: the first line of its module."""

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
    module = import_module(f"{suite.__name__}.{name}")
    about = (module.__doc__ or "").partition("\n")[0]
    return Benchmark(name, about, module.run)
