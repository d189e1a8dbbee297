"""Data as scripts want many of it: each report's own shape, without what is long in each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimera.app.reports import LookView, RolloutView

# How it was asked for and judged: long, and `status -o json` has it.
OF_A_ROLLOUT = frozenset({"spec", "plan", "settings", "evidence", "work", "findings", "detail"})
OF_A_LOOK = frozenset({"query", "bounds_ms", "cells", "findings"})


def lean_rollouts(views: Sequence[RolloutView]) -> list[Any]:
    """Return rollouts as data without their specs, plans, settings and findings."""
    from pydantic import TypeAdapter

    from chimera.app.reports import RolloutView

    data = TypeAdapter(list[RolloutView]).dump_python(list(views), mode="json")
    return [_without(OF_A_ROLLOUT, one) for one in data]


def lean_looks(looks: Sequence[LookView]) -> list[Any]:
    """Return looks as data without their latency buckets and findings."""
    from pydantic import TypeAdapter

    from chimera.app.reports import LookView

    data = TypeAdapter(list[LookView]).dump_python(list(looks), mode="json")
    return [_without(OF_A_LOOK, one) for one in data]


def _without(keys: Collection[str], data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without(keys, value) for key, value in data.items() if key not in keys}
    return [_without(keys, one) for one in data] if isinstance(data, list) else data
