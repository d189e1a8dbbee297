"""The answers of the wizard so far, and what follows from them: a spec and a command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from chimera.core.spec import Strategy

LOCAL = "local"
ALB, MESH = "ecs-alb", "ecs-appmesh"
PLATFORMS = (LOCAL, ALB, MESH)
AS_BEFORE = "as-before"
AS_WRITTEN = "as-written"

DEFAULT_ERRORS = "1%"


class Draft(BaseModel):
    """What was answered; "" is not answered yet.

    base: the spec's text to start from, of the service's last rollout or of what was found. known:
    the service was deployed by Chimera before. place: where it runs, a cluster or this machine.
    rollout: what was started with it, so that a second press on Start starts nothing more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    owner: str = ""
    platform: str = ""
    region: str = ""
    profile: str = ""
    role: str = ""
    place: str = ""
    service: str = ""
    base: str = ""
    known: bool = False
    version: str = ""
    image: str = ""
    strategy: str = ""
    error_rate: str = ""
    latency_p95: str = ""
    rollout: str = ""

    @property
    def on_aws(self) -> bool:
        """Whether it runs in an account, so that somebody must say which."""
        return self.platform in {ALB, MESH}

    def answered(self, **answers: str | bool) -> Draft:
        """Return the draft with these answers; what hangs on a changed one is open again."""
        changed = {key for key, value in answers.items() if getattr(self, key) != value}
        update: dict[str, str | bool] = dict(answers)
        for key in ("platform", "region", "profile", "role", "place", "service", "base"):
            if key in changed:
                update = {**dict.fromkeys(_AFTER[key], ""), **update}
                if "base" in _AFTER[key]:
                    update = {"known": False, **update}
        return self.model_copy(update=update)


_PLACE = ("service", "base", "version", "image", "strategy", "error_rate", "latency_p95")
_AFTER: Mapping[str, tuple[str, ...]] = {
    "platform": ("place", *_PLACE),
    "region": ("place", *_PLACE),
    "profile": ("place", *_PLACE),
    "role": ("place", *_PLACE),
    "place": _PLACE,
    "service": ("version", "image", "strategy", "error_rate", "latency_p95"),
    "base": (),
}


def own_limits(draft: Draft) -> bool:
    """Say whether the spec it starts from has metrics of its own, which the wizard leaves alone."""
    metrics = (_base(draft).get("analysis") or {}).get("metrics")
    return bool(metrics)


def limits_before(draft: Draft) -> tuple[str, str]:
    """Return (errors, latency) of the spec it starts from, "" where it names none."""
    base = _base(draft)
    return str(base.get("errorRate") or ""), str(base.get("latencyP95") or "")


def spec_text(draft: Draft) -> str:
    """Return the spec's text. It is checked by whoever reads it: answers may still be wrong."""
    spec = _base(draft)
    if draft.strategy == AS_WRITTEN:
        return _yaml(spec)
    if draft.strategy and draft.strategy != AS_BEFORE:
        spec.pop("steps", None)
        spec["strategy"] = draft.strategy
    if not own_limits(draft):
        for key, said in (("errorRate", draft.error_rate), ("latencyP95", draft.latency_p95)):
            if said:
                spec[key] = said
            elif draft.strategy:
                spec.pop(key, None)
    return _yaml(spec)


def command(draft: Draft, file: str = "chimera.yaml") -> str:
    """Return what would start the same from a shell, with the spec in `file`."""
    words = ["chimera", "deploy", file]
    for option, said in (("--version", draft.version), ("--image", draft.image)):
        words += [option, said] if said else []
    return shlex.join(words)


def local_base(service: str, fields: Mapping[str, str]) -> str:
    """Return the spec of a service on this machine from what was written into the form."""
    target: dict[str, Any] = {"platform": LOCAL, "command": fields.get("command", "")}
    for key in ("port", "replicas"):
        said = fields.get(key, "").strip()
        if said:
            target[key] = int(said) if said.isdecimal() else said
    for key in ("health", "cwd"):
        if fields.get(key, "").strip():
            target[key] = fields[key].strip()
    return _text(service, target)


def target_of(draft: Draft) -> dict[str, Any]:
    """Return the target of the spec it starts from, without the platform."""
    target = dict(_base(draft).get("target") or {})
    target.pop("platform", None)
    return target


def placed(draft: Draft) -> dict[str, str]:
    """Return what the spec it starts from says of where the service runs, as answers."""
    target = target_of(draft)
    said = {key: str(target.get(key) or "") for key in ("region", "profile", "role")}
    return {**said, "place": str(target.get("cluster") or "")}


def _text(service: str, target: Mapping[str, Any]) -> str:
    spec = {
        "version": 1,
        "service": service,
        "target": dict(target),
        "strategy": Strategy.BALANCED.value,
        "errorRate": DEFAULT_ERRORS,
    }
    return _yaml(spec)


def _yaml(spec: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(spec), sort_keys=False, allow_unicode=True, width=1000))


def _base(draft: Draft) -> dict[str, Any]:
    found = yaml.safe_load(draft.base) if draft.base else {}
    return found if isinstance(found, dict) else {}
