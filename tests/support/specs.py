"""A platform's options and small specs, for tests of what specs mean."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chimera.core.spec import Duration, Spec, load


class Disk(BaseModel):
    """A part of the options, to have something nested."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=1, description="Gigabytes.")


class BoxOptions(BaseModel):
    """A platform that runs a service in boxes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[int, Field(strict=True, gt=0, lt=65536)] = Field(
        description="Where it listens."
    )
    command: str | list[str] = Field(default="run", description="How to start it.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment.")
    start_timeout: Duration | None = Field(
        default=None, alias="startTimeout", description="How long a start may take."
    )
    disks: tuple[Disk, ...] = Field(default=(), description="What it stores on.")


class CloudOptions(BaseModel):
    """Another platform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str = Field(description="Where.")


TARGETS: dict[str, type[BaseModel]] = {"box": BoxOptions, "cloud": CloudOptions}
HEAD = "version: 1\nservice: checkout\ntarget: {platform: box, port: 80}\n"


def spec_of(rest: str = "") -> Spec:
    """Load a good head (three lines) and the rest."""
    return load(HEAD + rest, file="c.yaml", targets=TARGETS)
