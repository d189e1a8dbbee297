"""From what AWS tells to what it takes: the answer of a Describe is no valid request."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def fitted(client: Any, operation: str, value: dict[str, Any]) -> dict[str, Any]:
    """Keep of `value` what an operation's input knows, at every depth; None is left out."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    found = fit(shape, value)
    return found if isinstance(found, dict) else {}


def fit(shape: Shape, value: Any) -> Any:
    """Keep of `value` what `shape` knows."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            key: fit(shape.members[key], part)
            for key, part in value.items()
            if key in shape.members and part is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list | tuple):
        return [fit(shape.member, part) for part in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: fit(shape.value, part) for key, part in value.items()}
    return value
