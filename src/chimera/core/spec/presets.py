"""The three strategies: what applies where a spec says nothing. `sentence` says each in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Strategy(StrEnum):
    """How cautious a rollout is, where the spec does not say it in detail."""

    CAREFUL = "careful"
    BALANCED = "balanced"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Preset:
    """One strategy. weights in percent; rates, budgets and tolerances are ratios.

    error_tolerance, latency_tolerance: how many more errors and slow requests than stable's are
    still healthy (0.25 = a quarter more). harm_budget, false_alarms: see `AnalysisPlan`, whose
    alpha the latter is.
    """

    name: Strategy
    sentence: str
    weights: tuple[int, ...]
    bake: timedelta
    min_requests: int
    no_data_deadline: timedelta
    progress_deadline: timedelta
    scale_down_delay: timedelta
    error_tolerance: float
    latency_tolerance: float
    harm_budget: float
    false_alarms: float = 0.01
    error_rate: float = 0.01
    interval: timedelta = timedelta(seconds=1)
    drain_timeout: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=15)


PRESETS: dict[Strategy, Preset] = {
    Strategy.CAREFUL: Preset(
        name=Strategy.CAREFUL,
        sentence=(
            "for services where every failed request hurts: seven steps from 1 % to 100 %, "
            "5 min each, 35 min at least; the old version stays warm for 30 min"
        ),
        weights=(1, 5, 10, 25, 50, 95, 100),
        bake=timedelta(minutes=5),
        min_requests=200,
        no_data_deadline=timedelta(minutes=15),
        progress_deadline=timedelta(minutes=10),
        scale_down_delay=timedelta(minutes=30),
        error_tolerance=0.1,
        latency_tolerance=0.1,
        harm_budget=0.005,
    ),
    Strategy.BALANCED: Preset(
        name=Strategy.BALANCED,
        sentence=(
            "for most services: six steps from 5 % to 100 %, 1 min each, 6 min at least; "
            "the old version stays warm for 5 min"
        ),
        weights=(5, 10, 25, 50, 95, 100),
        bake=timedelta(minutes=1),
        min_requests=50,
        no_data_deadline=timedelta(minutes=5),
        progress_deadline=timedelta(minutes=10),
        scale_down_delay=timedelta(minutes=5),
        error_tolerance=0.25,
        latency_tolerance=0.25,
        harm_budget=0.01,
    ),
    Strategy.FAST: Preset(
        name=Strategy.FAST,
        sentence=(
            "for development and demonstrations: four steps from 5 % to 100 %, 8 s each, "
            "32 s at least; the old version stays warm for 5 s"
        ),
        weights=(5, 25, 50, 100),
        bake=timedelta(seconds=8),
        min_requests=20,
        no_data_deadline=timedelta(minutes=1),
        progress_deadline=timedelta(minutes=2),
        scale_down_delay=timedelta(seconds=5),
        error_tolerance=0.5,
        latency_tolerance=1.0,
        harm_budget=0.03,
    ),
}
