"""What an operator may write in a spec. The descriptions are the reference and the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import PydanticCustomError

from chimera.core.model import Service
from chimera.core.spec.checks import Analysis, ErrorRate, Latency
from chimera.core.spec.parts import FilledPart
from chimera.core.spec.presets import Strategy
from chimera.core.spec.steps import SpecStep, check_order
from chimera.core.spec.values import Duration, lasting, mistake, mistakes, show

SHORTHANDS = {
    "errorRate": "error_rate",
    "latencyP50": "latency_p50",
    "latencyP95": "latency_p95",
    "latencyP99": "latency_p99",
}


class Canary(FilledPart):
    """How the canary runs before it takes all the traffic."""

    replicas: Annotated[StrictInt, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description="Replicas of the canary until the last step. Default: as many as stable.",
    )


class SpecTraffic(FilledPart):
    """How requests choose a version beyond the weights."""

    sticky: StrictBool = Field(
        default=False,
        description="Keep a user who met the canary on it, by cookie. The versions then serve "
        "different users, so only limits are judged, not the comparison with stable.",
    )
    override: StrictBool = Field(
        default=True, description="Let the header `x-chimera: canary` pick the canary."
    )


class Target(BaseModel):
    """Where the service runs. options: the platform's own model, validated."""

    model_config = ConfigDict(frozen=True)

    platform: str
    options: SerializeAsAny[BaseModel]


class Spec(FilledPart):
    """What an operator asks for: one service, where it runs, and how a new version is let in."""

    version: Literal[1] = Field(description="The format of this file: 1.")
    service: str = Field(
        description="The service's name: 1 to 63 lower-case letters, digits and '-'."
    )
    target: Target = Field(
        description="Where it runs: `platform`, and that platform's own options."
    )
    strategy: Strategy = Field(
        default=Strategy.BALANCED,
        description="What applies where this file says nothing: careful, balanced or fast.",
    )
    error_rate: ErrorRate | None = Field(
        default=None,
        alias="errorRate",
        description="Share of the canary's requests that may fail: 5xx or no answer.",
    )
    latency_p50: Latency | None = Field(
        default=None, alias="latencyP50", description="Half of the requests are faster than this."
    )
    latency_p95: Latency | None = Field(
        default=None, alias="latencyP95", description="95 % of the requests are faster than this."
    )
    latency_p99: Latency | None = Field(
        default=None, alias="latencyP99", description="99 % of the requests are faster than this."
    )
    steps: tuple[SpecStep, ...] | None = Field(
        default=None,
        description="The way to 100 %, in order. Default: the strategy's. "
        "A last step to 100 % is added where it is missing.",
    )
    canary: Canary = Field(
        default_factory=Canary, description="How the canary runs before it takes all the traffic."
    )
    traffic: SpecTraffic = Field(
        default_factory=SpecTraffic,
        description="How requests choose a version beyond the weights.",
    )
    analysis: Analysis = Field(default_factory=Analysis, description="How the canary is judged.")
    progress_deadline: Annotated[Duration, lasting("10s", "24h")] | None = Field(
        default=None,
        alias="progressDeadline",
        description="Roll back if preparing, or a step beyond its bake and the no-data deadline, "
        "takes longer.",
    )
    scale_down_delay: Annotated[Duration, lasting("0s", "168h")] | None = Field(
        default=None,
        alias="scaleDownDelay",
        description="How long the old version is kept warm after the promotion, to return at once.",
    )
    drain_timeout: Annotated[Duration, lasting("0s", "1h")] | None = Field(
        default=None,
        alias="drainTimeout",
        description="How long requests in flight may take before a version is stopped.",
    )
    lease: Annotated[Duration, lasting("3s", "10m")] | None = Field(
        default=None,
        description="The dead-man's switch: if Chimera is gone for this long, all traffic returns "
        "to stable by itself.",
    )

    @field_validator("service", mode="before")
    @classmethod
    def _service(cls, value: Any) -> Any:
        if isinstance(value, str):
            Service(name=value, platform="any")
        return value

    @field_validator("target", mode="plain")
    @classmethod
    def _target(cls, value: Any, info: ValidationInfo) -> Target:
        if isinstance(value, Target):
            return value
        return read_target(value, (info.context or {}).get("targets", {}))

    @field_validator("steps", mode="wrap")
    @classmethod
    def _steps(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        found = check_order(value)
        try:
            steps = read(value)
        except ValidationError as error:
            raise _nested(error, cls, found) from None
        if found:
            raise mistakes(found)
        return steps

    @field_validator("analysis")
    @classmethod
    def _analysis(cls, analysis: Analysis, info: ValidationInfo) -> Analysis:
        found: list[tuple[tuple[str | int, ...], str]] = []
        traffic = info.data.get("traffic")
        for index, metric in enumerate(analysis.metrics):
            short = SHORTHANDS.get(metric.name)
            if short and info.data.get(short) is not None:
                twice = f"'{metric.name}' is also given at the top of the file; keep one"
                found.append((("metrics", index, "name"), twice))
            if traffic and traffic.sticky and metric.max_increase_over_stable is not None:
                unfair = "sticky users cannot be compared with stable's; use max, or no sticky"
                found.append((("metrics", index, "maxIncreaseOverStable"), unfair))
        if found:
            raise mistakes(found)
        return analysis


def read_target(value: Any, targets: Mapping[str, type[BaseModel]]) -> Target:
    """Validate `target` by its platform's own model, and let its mistakes through."""
    known = ", ".join(sorted(targets)) or "none"
    if not isinstance(value, Mapping):
        raise mistake(f"a mapping with a platform ({known}), not {show(value)}")
    if "platform" not in value:
        raise mistakes([(("platform",), f"missing; say where the service runs: {known}")])
    platform = value["platform"]
    if not isinstance(platform, str) or platform not in targets:
        raise mistakes([(("platform",), f"unknown platform {show(platform)}; known: {known}")])
    options = {key: child for key, child in value.items() if key != "platform"}
    try:
        return Target(platform=platform, options=targets[platform].model_validate(options))
    except ValidationError as error:
        raise _nested(error, targets[platform]) from None


def _nested(
    error: ValidationError,
    model: type[BaseModel],
    found: Sequence[tuple[tuple[str | int, ...], str]] = (),
) -> PydanticCustomError:
    details = {"errors": error.errors(include_url=False), "model": model, "found": found}
    return PydanticCustomError("nested", "several mistakes", details)
