"""Which words AWS takes: clients send any, and AWS refuses what its own model does not list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from chimera.sandbox.errors import AwsError

_CODES = {
    "ecs": "InvalidParameterException",
    "appmesh": "BadRequestException",
    "servicediscovery": "InvalidInput",
    "elbv2": "ValidationError",
    "cloudwatch": "InvalidParameterValue",
}


def check(service: str, shape: Shape | None, params: dict[str, Any]) -> None:
    """Raise AwsError for the first value that is none of those that its shape has."""
    for path, value, known in _unknown(shape, params, ""):
        code = _CODES.get(service, "ValidationException")
        message = f"Value '{value}' at '{path}' must be one of {', '.join(known)}."
        raise AwsError(code, message)


def _unknown(shape: Shape | None, value: Any, path: str) -> Iterator[tuple[str, Any, list[str]]]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, part in value.items():
            if name in shape.members:
                yield from _unknown(shape.members[name], part, f"{path}.{name}".lstrip("."))
    elif isinstance(shape, ListShape) and isinstance(value, list | tuple):
        for part in value:
            yield from _unknown(shape.member, part, path)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for name, part in value.items():
            yield from _unknown(shape.value, part, f"{path}.{name}")
    elif isinstance(shape, StringShape) and shape.enum and value not in {None, *shape.enum}:
        yield path, value, list(shape.enum)
