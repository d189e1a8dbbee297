"""From a spec to the plan that the state machine and the judge read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from chimera.core.model import Service, Traffic
from chimera.core.plan import (
    FEW_POINTS,
    AnalysisPlan,
    Gate,
    GateKind,
    Limit,
    OnNoData,
    OwnMetric,
    RolloutPlan,
    Step,
)
from chimera.core.spec.checks import Metric
from chimera.core.spec.models import SHORTHANDS, Spec
from chimera.core.spec.presets import PRESETS, Preset
from chimera.core.spec.steps import Pause, SetWeight, SpecStep

_ERRORS = "errorRate"
T = TypeVar("T")
LONGEST_WARM_UP = timedelta(seconds=30)


def service_of(spec: Spec) -> Service:
    """Return the service that a spec describes; settings are the platform's options, complete."""
    return Service(
        name=spec.service,
        platform=spec.target.platform,
        settings=spec.target.options.model_dump(mode="json", by_alias=True),
        traffic=Traffic(sticky=spec.traffic.sticky, override=spec.traffic.override),
    )


def plan_of(spec: Spec) -> RolloutPlan:
    """Return the plan of a spec, with the strategy's values where the spec says nothing."""
    preset = PRESETS[spec.strategy]
    steps = _steps(spec, preset)
    return RolloutPlan(
        steps=steps,
        analysis=_analysis(spec, preset, steps),
        progress_deadline=_or(spec.progress_deadline, preset.progress_deadline),
        scale_down_delay=_or(spec.scale_down_delay, preset.scale_down_delay),
        drain_timeout=_or(spec.drain_timeout, preset.drain_timeout),
        lease=_or(spec.lease, preset.lease),
        canary_replicas=spec.canary.replicas,
    )


def _analysis(spec: Spec, preset: Preset, steps: tuple[Step, ...]) -> AnalysisPlan:
    said = spec.analysis
    first = next(step for step in steps if step.weight)
    return AnalysisPlan(
        interval=_or(said.interval, preset.interval),
        limits=limits_of(spec),
        no_data_deadline=_or(said.no_data_deadline, preset.no_data_deadline),
        on_no_data=_on_no_data(spec),
        weights=tuple(step.weight for step in steps),
        compare=not spec.traffic.sticky,
        alpha=_or(said.false_alarms, preset.false_alarms),
        harm_budget=_or(said.harm_budget, preset.harm_budget),
        error_tolerance=_or(said.error_tolerance, preset.error_tolerance),
        latency_tolerance=_or(said.latency_tolerance, preset.latency_tolerance),
        warm_up=_or(said.warm_up, min(LONGEST_WARM_UP, first.bake / 2)),
        own=tuple(_own(metric, preset) for metric in said.metrics if metric.query is not None),
        slow_start=_or(said.warm_up, LONGEST_WARM_UP),
        skew=_or(said.skew, timedelta(0)),
    )


def _or(given: T | None, otherwise: T) -> T:
    return otherwise if given is None else given


def _on_no_data(spec: Spec) -> OnNoData:
    # One rollout takes one way out: the most cautious that any check asks for.
    wishes = {spec.analysis.on_no_data, *(m.on_no_data for m in spec.analysis.metrics)}
    return OnNoData.ROLLBACK if OnNoData.ROLLBACK in wishes else OnNoData.PAUSE


@dataclass(slots=True)
class _Draft:
    """A step while it is read. held: the sum of its bake and pauses, None if it has neither."""

    weight: int
    held: timedelta | None
    gate: Gate | None = None

    def hold(self, duration: timedelta) -> None:
        self.held = _or(self.held, timedelta(0)) + duration


def _steps(spec: Spec, preset: Preset) -> tuple[Step, ...]:
    if spec.steps is None:
        return tuple(Step(weight, preset.bake) for weight in preset.weights)
    drafts: list[_Draft] = []
    for step in spec.steps:
        _take(drafts, step)
    if drafts[-1].weight < 100:
        drafts.append(_Draft(100, None))
    return tuple(Step(d.weight, _or(d.held, preset.bake), d.gate) for d in drafts)


def _take(drafts: list[_Draft], step: SpecStep) -> None:
    if isinstance(step, SetWeight):
        drafts.append(_Draft(step.set_weight, step.bake))
        return
    if not drafts:
        drafts.append(_Draft(0, timedelta(0)))
    elif drafts[-1].gate is not None:  # what follows a gate needs a step of its own to follow it
        drafts.append(_Draft(drafts[-1].weight, timedelta(0)))
    if not isinstance(step, Pause):
        drafts[-1].gate = Gate(GateKind.APPROVAL, step.approval.role)
    elif step.pause is None:
        drafts[-1].gate = Gate(GateKind.PAUSE)
    else:
        drafts[-1].hold(step.pause)


def limits_of(spec: Spec) -> tuple[Limit, ...]:
    """Return the checks, errors first; see `Analysis.metrics` for what replaces what."""
    preset = PRESETS[spec.strategy]
    checks: dict[str, Limit] = {
        metric.name: _limit(metric, preset)
        for metric in spec.analysis.metrics
        if metric.query is None
    }
    for name, field in SHORTHANDS.items():
        value = getattr(spec, field)
        if value is not None:
            checks[name] = _check(name, value, None, preset.min_requests)
    if _ERRORS not in checks:
        checks[_ERRORS] = _check(_ERRORS, preset.error_rate, None, preset.min_requests)
    return tuple(sorted(checks.values(), key=lambda limit: limit.quantile or 0))


def _limit(metric: Metric, preset: Preset) -> Limit:
    requests = preset.min_requests if metric.min_requests is None else metric.min_requests
    return _check(metric.name, metric.max, metric.max_increase_over_stable, requests)


def _own(metric: Metric, preset: Preset) -> OwnMetric:
    low, high = metric.range or (None, None)
    usual = preset.min_requests if metric.total else FEW_POINTS
    return OwnMetric(
        name=metric.name,
        provider=metric.provider or "",
        query=metric.query or "",
        total=metric.total or "",
        low=low,
        high=high,
        max=metric.max if isinstance(metric.max, float) else None,
        min=metric.min,
        max_increase=metric.max_increase_over_stable,
        min_points=_or(metric.min_requests, usual),
        every=metric.every,
    )


def _check(
    name: str, limit: float | timedelta | None, increase: float | None, requests: int
) -> Limit:
    highest = limit / timedelta(milliseconds=1) if isinstance(limit, timedelta) else limit
    if name == _ERRORS:
        return Limit("error_rate", highest, increase, requests)
    percentile = name.removeprefix("latencyP")
    return Limit(
        f"latency_p{percentile}", highest, increase, requests, quantile=int(percentile) / 100
    )
