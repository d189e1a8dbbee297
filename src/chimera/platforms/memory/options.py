"""What a spec may say about a simulated service: its traffic, and what goes wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt
from pydantic.alias_generators import to_camel

from chimera.core.spec.values import Duration, Percent, lasting, share

Operation = Literal[
    "start",
    "remove",
    "scale",
    "read",
    "setWeights",
    "renew",
    "commit",
    "restore",
    "drain",
    "metrics",
]
Share = Annotated[Percent, share(0, 1)]
Latency = Annotated[Duration, lasting("1ms", "10m")]


class _Options(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class Fault(_Options):
    """How one version behaves worse than the others."""

    errors: Share | None = Field(default=None, description="Share of its requests that fail.")
    latency: Latency | None = Field(default=None, description="Its median latency.")
    after: Annotated[Duration, lasting("0s", "168h")] = Field(
        default=timedelta(0), description="How long it behaves after its first request."
    )
    crash: bool = Field(default=False, description="It never starts.")
    unseen: bool = Field(default=False, description="The metrics do not show it.")


class Trouble(_Options):
    """How often one operation of the provider fails."""

    unavailable: Share = Field(default=0.0, description="Share of calls that do nothing and fail.")
    lost: Share = Field(
        default=0.0, description="Share of calls that do their work, but the answer is lost."
    )
    refused: bool = Field(default=False, description="Every call is refused for good.")
    first: Annotated[StrictInt, Field(ge=0)] | None = Field(
        default=None, description="Only the first calls are troubled, that many."
    )


class MemoryTarget(_Options):
    """A service that is simulated inside the controller: for trials, tests and benchmarks."""

    rate: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = Field(
        default=100.0, description="Requests per second over all versions."
    )
    errors: Share = Field(default=0.001, description="Share of requests that fail on any version.")
    latency: Latency = Field(
        default=timedelta(milliseconds=80), description="Median latency of any version."
    )
    longest_request: Annotated[Duration, lasting("0s", "1h")] = Field(
        default=timedelta(0), description="How long requests stay in flight on a drained version."
    )
    start_time: Annotated[Duration, lasting("0s", "1h")] = Field(
        default=timedelta(0), description="How long a version takes until it is ready."
    )
    replicas: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(
        default=1, description="How many replicas of each version run."
    )
    faults: dict[str, Fault] = Field(
        default_factory=dict, description="By version: how it behaves worse than the others."
    )
    trouble: dict[Operation, Trouble] = Field(
        default_factory=dict, description="By operation: how the provider fails."
    )
    seed: int = Field(default=0, description="The same seed gives the same requests.")
