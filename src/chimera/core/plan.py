"""A rollout's plan: the spec, normalised to what the state machine and the judge read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from chimera.core.model import Revision, Service, check_weight


class GateKind(StrEnum):
    """approval: a person of a role says go. pause: anybody resumes."""

    APPROVAL = "approval"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands between a step's healthy bake and the next step."""

    kind: GateKind
    role: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One weight, held under watch for `bake`, then perhaps a gate."""

    weight: int
    bake: timedelta
    gate: Gate | None = None

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if self.bake < timedelta(0):
            raise ValueError("a bake is not negative")


class OnNoData(StrEnum):
    """What an undecided watch leads to at its deadline."""

    PAUSE = "pause"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Limit:
    """One check: a metric, the value it may not exceed, and how many requests it needs first.

    metric: "error_rate" or "latency_p50" ... "latency_p99.9". quantile: 0.95 for a latency, else
    None. max: a ratio from 0 to 1, or milliseconds for a latency. max_increase: allowed relative
    increase over stable (0.5 = 50 % worse). At least one of the two is given.
    """

    metric: str
    max: float | None = None
    max_increase: float | None = None
    min_requests: int = 50
    quantile: float | None = None

    def __post_init__(self) -> None:
        if self.max is None and self.max_increase is None:
            raise ValueError(f"the check '{self.metric}' needs a limit")


FEW_POINTS = 5


class OwnKind(StrEnum):
    """What an operator's own metric is, and so how it is tested.

    rate: a share of events that are counted; the same sequential test as errors. mean: a value
    that cannot leave its range; a betting test on its mean. value: anything else; a plain limit.
    """

    RATE = "rate"
    MEAN = "mean"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A check of the operator's own, from any query of a metric provider.

    query: "{{revision}}" in it stands for the version asked about. total: a rate's second query,
    of all events; then `query` counts the bad ones. low, high: a mean's range. max, min: limits;
    max_increase: over stable. min_points: how many events, or values, it needs to pass. every: how
    often the query has a new value; None: the provider knows.
    """

    name: str
    provider: str
    query: str
    total: str = ""
    low: float | None = None
    high: float | None = None
    max: float | None = None
    min: float | None = None
    max_increase: float | None = None
    min_points: int = FEW_POINTS
    every: timedelta | None = None

    @property
    def kind(self) -> OwnKind:
        """What it is, by what is known of it."""
        if self.total:
            return OwnKind.RATE
        return OwnKind.VALUE if self.low is None else OwnKind.MEAN


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """How the canary is judged.

    interval: between two looks. no_data_deadline: how long past a step's bake an inconclusive
    judgement may hold it before `on_no_data`. weights: the plan's steps, so that the judge knows
    what the next one risks; () advances by the limits alone. compare: judge the canary against
    stable beyond the limits too.
    alpha: the chance of rolling back a healthy version, over the whole deployment. harm_budget: the
    share of all responses that errors may spoil unseen after an advance; doubt: the chance of
    advancing in spite of more. error_tolerance, latency_tolerance: how much worse than stable is
    still healthy (0.1 = 10 %). warm_up: how long latency is not judged at first; slow_start: nor,
    until then, while the canary is slower than stable. skew: how far the two arms' numbers may lie
    apart in time. error_dispersions, latency_dispersions: per weight, how much more two equal arms
    differ than chance would have it, at least 1; () is not known: the judge learns it from stable's
    looks. error_clumps: the part of the errors' that is the same at every weight, 0 if not known.
    history: where they are known from, in words. own: the operator's own metrics.
    """

    interval: timedelta
    limits: tuple[Limit, ...]
    no_data_deadline: timedelta
    on_no_data: OnNoData = OnNoData.PAUSE
    weights: tuple[int, ...] = ()
    compare: bool = True
    alpha: float = 0.01
    harm_budget: float = 0.005
    doubt: float = 0.05
    error_tolerance: float = 0.1
    latency_tolerance: float = 0.1
    warm_up: timedelta = timedelta(0)
    slow_start: timedelta = timedelta(0)
    skew: timedelta = timedelta(0)
    error_dispersions: tuple[float, ...] = ()
    latency_dispersions: tuple[float, ...] = ()
    error_clumps: float = 0.0
    history: str = ""
    own: tuple[OwnMetric, ...] = ()

    def __post_init__(self) -> None:
        if self.interval <= timedelta(0):
            raise ValueError("the interval between two looks is longer than 0")
        if not 0 < self.alpha < 1 or not 0 < self.doubt < 1 or not 0 < self.harm_budget < 1:
            raise ValueError("alpha, doubt and harm budget lie between 0 and 1")
        if min(self.error_tolerance, self.latency_tolerance) < 0:
            raise ValueError("a tolerance is not negative")
        if min(self.warm_up, self.slow_start, self.skew) < timedelta(0):
            raise ValueError("warm-up and skew are not negative")
        if min((*self.error_dispersions, *self.latency_dispersions), default=1.0) < 1:
            raise ValueError("a dispersion is at least 1")

    def dispersion(self, weight: int, *, latency: bool = False) -> float:
        """Return how much wider than chance two equal arms differ at a weight; 1 if not known."""
        known = self.latency_dispersions if latency else self.error_dispersions
        index = sum(each < weight for each in self.weights)
        return known[min(index, len(known) - 1)] if known else 1.0


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """Steps in order, never falling, the last at 100; how to judge; the deadlines.

    lease: the dead-man's switch; without renewal for this long all traffic returns to stable.
    install: the service's very first version, which nothing can be compared with.
    progress_deadline: for preparing, and for each step beyond its bake and no-data deadline.
    scale_down_delay: how long the old version is kept warm. drain_timeout: for requests in flight.
    """

    steps: tuple[Step, ...]
    analysis: AnalysisPlan
    progress_deadline: timedelta
    scale_down_delay: timedelta = timedelta(0)
    drain_timeout: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=15)
    canary_replicas: int | None = None
    install: bool = False

    def __post_init__(self) -> None:
        weights = [step.weight for step in self.steps]
        if not weights or weights[-1] != 100:
            raise ValueError("the last step of a plan has weight 100")
        if weights != sorted(weights):
            raise ValueError("the weights of a plan never fall")

    @property
    def duration(self) -> timedelta:
        """The shortest time from the first shift to the promotion: the sum of the bakes."""
        return sum((step.bake for step in self.steps), timedelta(0))


@dataclass(frozen=True, slots=True)
class Rollout:
    """All that defines one rollout; immutable from its start. `spec` is the YAML it came from.

    warnings: what the plan cannot see at the service's traffic, with numbers.
    """

    id: str
    service: Service
    stable: Revision
    canary: Revision
    plan: RolloutPlan
    spec: str = ""
    started_by: str = ""
    labels: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())
