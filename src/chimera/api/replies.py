"""How answers are written: reports as the command line's `-o json` writes them, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic_core
from pydantic import BaseModel
from starlette.responses import Response

from chimera.app.masking import plain

JSON = "application/json"


def as_json(value: Any) -> bytes:
    """Return a report, several, or plain data as JSON; a number that is none becomes null."""
    return pydantic_core.to_json(_plain(value), inf_nan_mode="null")


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer. It may hold what only this caller may see, so nobody keeps it."""
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(as_json(value), status, kept, JSON)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return plain(value)
