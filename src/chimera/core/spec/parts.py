"""What all mappings of a spec have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from chimera.core.spec.values import mistake


class Part(BaseModel):
    """A mapping of the spec: unknown keys are refused, and so are keys without a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_alias=True)


class FilledPart(Part):
    """A mapping whose every key has a value."""

    @field_validator("*", mode="before")
    @classmethod
    def _filled(cls, value: Any) -> Any:
        if value is None:
            raise mistake("has no value; give it one, or remove the key")
        return value
