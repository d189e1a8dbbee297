"""What is to be deployed: a spec file, a service deployed before, or the spec in this folder."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from chimera.core.errors import SpecError

if TYPE_CHECKING:
    from chimera.app.operations import Chimera
    from chimera.app.reports import PlanReport
    from chimera.core.spec import Spec

DEFAULT_SPEC = "chimera.yaml"


async def find_spec(chimera: Chimera, target: str) -> Spec:
    """Return the spec that `target` means; SpecError says what was looked for."""
    if not target:
        return chimera.load_spec(_default_spec())
    if file := _spec_file(target):
        return chimera.load_spec(file)
    last = await chimera.last_spec(target)
    if last is None:
        services = ", ".join(service.name for service in await chimera.services()) or "none yet"
        raise SpecError(
            f"'{target}' is neither a spec file nor a service that was deployed before",
            hint=f"services: {services}; or name a file, e.g. {DEFAULT_SPEC}",
        )
    return last


def _default_spec() -> str:
    if not Path(DEFAULT_SPEC).exists():
        raise SpecError(
            f"no spec named, and there is no {DEFAULT_SPEC} here",
            hint=f"`chimera init` writes {DEFAULT_SPEC}; or name a spec file or a service",
        )
    return DEFAULT_SPEC


def _spec_file(target: str) -> str:
    """Return the file that a word names, or "" if it can only be a service."""
    path = Path(target)
    if path.is_dir() and (path / DEFAULT_SPEC).exists():
        return str(path / DEFAULT_SPEC)
    names_file = path.suffix in {".yaml", ".yml", ".json"} or os.sep in target
    return target if names_file or path.is_file() else ""


def read_plan(path: Path) -> PlanReport:
    """Read a plan that `chimera plan --out` wrote; SpecError if it is none."""
    from pydantic import TypeAdapter, ValidationError

    from chimera.app.reports import PlanReport

    try:
        return TypeAdapter(PlanReport).validate_json(path.read_bytes())
    except OSError as error:
        raise SpecError(f"cannot read the plan {path}: {error.strerror}") from None
    except (ValidationError, ValueError):
        raise SpecError(
            f"{path} is not a plan", hint=f"`chimera plan --out {path}` writes one"
        ) from None


def read_timeout(text: str) -> timedelta:
    """Read '1h', '90s' or '10m'; SpecError otherwise."""
    from chimera.core.spec.values import read_duration

    try:
        return read_duration(text)
    except ValueError as error:
        raise SpecError(f"--timeout: {error}") from None
