"""The steps of a spec: `setWeight`, `pause` and `approval`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    StrictInt,
    Tag,
    field_serializer,
    field_validator,
)

from chimera.core.spec.parts import FilledPart, Part
from chimera.core.spec.values import DURATION_SCHEMA, Duration, lasting, mistake

MAX_STEPS = 100
Bake = Annotated[Duration, lasting("1s", "168h")]


class SetWeight(FilledPart):
    """Give the canary this share of the traffic and hold it under watch."""

    set_weight: StrictInt = Field(
        alias="setWeight",
        ge=0,
        le=100,
        description="The canary's share of the traffic in percent, from 0 to 100; never falls.",
    )
    bake: Bake | None = Field(
        default=None,
        description="How long this weight must stay healthy. Default: the pause that follows, "
        "or else the strategy's.",
    )


class Pause(Part):
    """Hold the weight: for a time, which then counts as its bake, or until somebody resumes."""

    pause: Bake | None = Field(
        description="A duration, or {} to wait for `chimera resume`.",
        json_schema_extra={
            "anyOf": [
                DURATION_SCHEMA,
                {"type": "null"},
                {
                    "type": "object",
                    "properties": {"duration": DURATION_SCHEMA},
                    "additionalProperties": False,
                },
            ]
        },
    )

    @field_validator("pause", mode="before")
    @classmethod
    def _pause(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            if not value:
                return None
            if set(value) == {"duration"}:
                return value["duration"]
            raise mistake("a pause is a duration like 5m, or {} to wait for `chimera resume`")
        return value

    @field_serializer("pause", mode="wrap", return_type=Any)
    def _write(self, value: timedelta | None, write: Any) -> Any:
        return {} if value is None else write(value)


class Role(FilledPart):
    """Who may approve."""

    role: Literal["operator", "admin"] = Field(
        default="operator", description="operator or admin: who may open this gate."
    )


class Approval(Part):
    """Hold the weight until a person approves (`chimera approve`)."""

    approval: Role = Field(description="Who may approve: {role: operator}, the default, or admin.")

    @field_validator("approval", mode="before")
    @classmethod
    def _approval(cls, value: Any) -> Any:
        return {} if value is None else value


STEPS: dict[str, type[Part]] = {"setWeight": SetWeight, "pause": Pause, "approval": Approval}


def _step_tag(value: Any) -> str | None:
    if isinstance(value, Part):
        return next(f"step:{key}" for key, kind in STEPS.items() if isinstance(value, kind))
    if not isinstance(value, dict):
        return None
    return next((f"step:{key}" for key in STEPS if key in value), None)


SpecStep = Annotated[
    Annotated[SetWeight, Tag("step:setWeight")]
    | Annotated[Pause, Tag("step:pause")]
    | Annotated[Approval, Tag("step:approval")],
    Discriminator(_step_tag, custom_error_type="step", custom_error_message="not a step"),
]


def check_order(steps: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what is wrong with the order of steps, parsed or not; others judge their form."""
    if not isinstance(steps, list | tuple):
        return []
    if not steps:
        return [((), "is empty; remove it to take the strategy's steps")]
    if len(steps) > MAX_STEPS:
        return [((), f"at most {MAX_STEPS} steps, not {len(steps)}")]
    found: list[tuple[tuple[str | int, ...], str]] = []
    highest = 0
    for index, step in enumerate(steps):
        kind, weight = _step_tag(step), _weight(step)
        if highest == 100 and kind in {"step:setWeight", "step:approval"}:
            found.append(((index,), "nothing but a pause follows setWeight 100; move it before"))
        elif weight is not None and weight < highest:
            fallen = f"{weight} is below the {highest} before it; weights never fall"
            found.append(((index, "setWeight"), fallen))
        elif weight is not None and weight <= 100:
            highest = weight
    return found


def _weight(step: Any) -> int | None:
    value = step.get("setWeight") if isinstance(step, dict) else getattr(step, "set_weight", None)
    return value if type(value) is int and value >= 0 else None
