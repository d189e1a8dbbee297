"""What applies to a spec, each in one plain sentence: its defaults, and how it is judged."""

from __future__ import annotations

from collections.abc import Iterator

from chimera.core.spec.judging import judging
from chimera.core.spec.models import SHORTHANDS, Spec
from chimera.core.spec.normal import plan_of
from chimera.core.spec.presets import PRESETS, Preset
from chimera.core.spec.steps import Pause, SetWeight
from chimera.core.spec.values import format_percent, say_duration


def describe(spec: Spec, *, leased: bool = True) -> tuple[str, ...]:
    """Return one sentence per default that applies because the spec does not say otherwise.

    How the canary is judged is said whether it is a default or not. leased: whether the platform
    takes the canary's weight back by itself.
    """
    preset = PRESETS[spec.strategy]
    return (
        *_strategy(spec, preset),
        *_steps(spec, preset),
        *_limits(spec, preset),
        *judging(plan_of(spec).analysis),
        *_evidence(spec, preset),
        *_times(spec, preset, leased=leased),
    )


def percent(ratio: float) -> str:
    """Write a ratio for people: '50 %'."""
    return format_percent(ratio).replace("%", " %")


def say_weights(weights: tuple[int, ...]) -> str:
    """Write weights for people: '5, 25, 50 and 100 %'."""
    *first, last = map(str, weights)
    return f"{', '.join(first)} and {last} %" if first else f"{last} %"


def _strategy(spec: Spec, preset: Preset) -> Iterator[str]:
    if "strategy" not in spec.model_fields_set:
        yield f"Strategy: {preset.name.value}, {preset.sentence}."


def _steps(spec: Spec, preset: Preset) -> Iterator[str]:
    bake = say_duration(preset.bake)
    if spec.steps is None:
        yield f"Steps: {say_weights(preset.weights)} of the traffic, each held for {bake}."
        return
    following = (*spec.steps[1:], None)
    bare = tuple(
        step.set_weight
        for step, after in zip(spec.steps, following, strict=True)
        if isinstance(step, SetWeight)
        and step.bake is None
        and not (isinstance(after, Pause) and after.pause is not None)
    )
    if bare:
        yield f"Without a bake or a pause of its own, {say_weights(bare)} is held for {bake}."
    if all(step.set_weight < 100 for step in spec.steps if isinstance(step, SetWeight)):
        yield f"A last step to 100 % is added, held for {bake}."


def _limits(spec: Spec, preset: Preset) -> Iterator[str]:
    named = {metric.name for metric in spec.analysis.metrics if metric.query is None}
    short = [name for name, field in SHORTHANDS.items() if getattr(spec, field) is not None]
    sticky = spec.traffic.sticky
    if sticky:
        yield "Sticky users: only limits are judged, the versions are not compared."
    if "errorRate" not in named | set(short):
        yield f"Errors: at most {percent(preset.error_rate)} of the requests."
    if sticky and not {*named, *short} - {"errorRate"}:
        yield "Latency: not judged, because no limit is given."


def _evidence(spec: Spec, preset: Preset) -> Iterator[str]:
    analysis = spec.analysis
    if analysis.interval is None:
        yield f"The metrics are looked at every {say_duration(preset.interval)}."
    if analysis.no_data_deadline is None:
        held = say_duration(preset.no_data_deadline)
        yield f"A step that lacks evidence is held for {held} past its bake."
    asked = [m.on_no_data for m in analysis.metrics if m.on_no_data is not None]
    if "on_no_data" not in analysis.model_fields_set and not asked:
        yield "If evidence is still missing then, the rollout pauses."


def _times(spec: Spec, preset: Preset, *, leased: bool) -> Iterator[str]:
    if spec.progress_deadline is None:
        limit = say_duration(preset.progress_deadline)
        yield f"Without progress for {limit}, the rollout rolls back."
    if spec.scale_down_delay is None:
        kept = say_duration(preset.scale_down_delay)
        yield f"After the promotion the old version is kept warm for {kept}."
    if spec.drain_timeout is None:
        left = say_duration(preset.drain_timeout)
        yield f"Requests in flight get {left} to finish before a version is stopped."
    if not leased:
        yield "If Chimera is gone, the weights stay as they are until it is back."
    elif spec.lease is None:
        gone = say_duration(preset.lease)
        yield f"If Chimera is gone for {gone}, all traffic returns to stable by itself."
    if spec.canary.replicas is None:
        yield "The canary runs as many replicas as stable."
