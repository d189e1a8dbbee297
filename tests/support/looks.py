"""Looks and readings for tests of the judge."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from chimera.core.model import Look, Reading, Sample, Tally
from chimera.core.plan import AnalysisPlan, Limit

START = datetime(2026, 1, 1, tzinfo=UTC)
BOUNDS = (50.0, 100.0, 250.0, 500.0, 1000.0)
ERRORS = Limit("error_rate", max=0.01)
ERRORS_RELATIVE = Limit("error_rate", max_increase=0.5)
P95 = Limit("latency_p95", max=300.0, quantile=0.95)
P95_RELATIVE = Limit("latency_p95", max_increase=0.5, quantile=0.95)


def plan(*limits: Limit, every_s: float = 1.0) -> AnalysisPlan:
    """Make a plan that judges by these limits only; by default by every kind of them."""
    chosen = limits or (ERRORS, ERRORS_RELATIVE, P95, P95_RELATIVE)
    return replace(comparing(*chosen, every_s=every_s), compare=False)


def comparing(*limits: Limit, every_s: float = 1.0) -> AnalysisPlan:
    """Make a plan that compares with stable, beside the limits if there are any."""
    return AnalysisPlan(
        timedelta(seconds=every_s),
        limits,
        timedelta(minutes=5),
        weights=(5, 10, 25, 50, 100),
        warm_up=timedelta(0),
        error_dispersions=(1.0,),
        latency_dispersions=(1.0,),
    )


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tally(requests: int = 0, errors: int = 0, cells: tuple[int, ...] = ()) -> Tally:
    return Tally(requests, errors, BOUNDS if cells else (), cells)


def look(
    number: int, canary: Tally, stable: Tally, *, weight: int = 5, every_s: float = 1.0
) -> Look:
    """Make the look that ends `number` intervals after the start."""
    return Look(at(number * every_s), timedelta(seconds=every_s), weight, canary, stable)


def sample(
    source: str, requests: int, errors: int = 0, counts: tuple[int, ...] = (), timed: int = 0
) -> Sample:
    bounds = BOUNDS[: len(counts)]
    return Sample(source, requests, errors, bounds, counts, timed)


def reading(second: float, canary: tuple[Sample, ...], stable: tuple[Sample, ...]) -> Reading:
    return Reading(at(second), canary, stable)


def draw(random: Random, requests: float, error_rate: float, slowdown: float = 1.0) -> Tally:
    """Draw one arm's look: about `requests` of them, median latency 80 ms."""
    whole = int(requests) + (random.random() < requests % 1)
    cells = [0] * (len(BOUNDS) + 1)
    for _ in range(whole):
        latency = random.lognormvariate(4.38, 0.6) * slowdown
        cells[sum(latency > bound for bound in BOUNDS)] += 1
    errors = sum(random.random() < error_rate for _ in range(whole))
    return Tally(whole, errors, BOUNDS, tuple(cells))


def looks(
    random: Random,
    number: int,
    *,
    rate: float,
    canary: float,
    stable: float,
    slowdown: float = 1.0,
    weight: int = 5,
) -> Iterator[Look]:
    """Draw looks of one second at `rate` requests each; canary, stable: their error rates."""
    for index in range(1, number + 1):
        one = draw(random, rate * weight / 100, canary, slowdown)
        other = draw(random, rate * (100 - weight) / 100, stable)
        yield look(index, one, other, weight=weight)
