"""Masking the values of environment variables in what leaves this process; their names stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from chimera.core.errors import SpecError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from chimera.core.spec import Spec

MASK = "***"
R = TypeVar("R")


def masked(plain: Any) -> Any:
    """Return plain data with the values of every `env` masked, also in the YAML of a `spec`."""
    if isinstance(plain, list):
        return [masked(one) for one in plain]
    if not isinstance(plain, dict):
        return plain
    return {name: _masked(name, value) for name, value in plain.items()}


def _masked(name: str, value: Any) -> Any:
    if name == "env" and isinstance(value, dict):
        return dict.fromkeys(value, MASK)
    if name == "spec" and isinstance(value, str) and "env" in value:
        return _masked_spec(value)
    return masked(value)


def _masked_spec(text: str) -> str:
    import yaml

    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError:
        return MASK  # it was read once, so this is no spec any more
    return yaml.safe_dump(masked(spec), sort_keys=False, allow_unicode=True)


def plain(value: Any) -> Any:
    """Return reports as dictionaries, lists, text and numbers, masked: times and spans ISO 8601."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return masked(as_plain(value)) if is_dataclass(value) else as_plain(value)


def as_plain(value: Any) -> Any:
    """Return reports as `plain` does, with every value."""
    if isinstance(value, list | tuple):
        return [as_plain(one) for one in value]
    if is_dataclass(value):
        return adapter(type(value)).dump_python(value, mode="json")
    return value


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what turns reports of a kind into plain data and back; made once, since it is slow."""
    return _adapter(kind)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def masked_report(report: R) -> R:
    """Return a report as whoever gets it masked has it."""
    found: R = adapter(type(report)).validate_python(plain(report))
    return found


def is_masked(spec: Spec) -> bool:
    """Whether a spec has masked values in place of its own."""
    return MASK in _env(spec).values()


def restored(spec: Spec, former: Spec | None) -> Spec:
    """Return a spec with its masked values taken from the service's former one; or SpecError."""
    known = _env(former) if former else {}
    lost = [name for name, value in _env(spec).items() if value == MASK and name not in known]
    if lost:
        raise SpecError(
            f"the values of {', '.join(lost)} are masked and nothing is known of them",
            hint=f"write them into `env` in place of {MASK}",
        )
    env = {name: known[name] if value == MASK else value for name, value in _env(spec).items()}
    options = spec.target.options.model_copy(update={"env": env})
    return spec.model_copy(update={"target": spec.target.model_copy(update={"options": options})})


def _env(spec: Spec) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(spec.target.options, "env", None) or {}
    return found
