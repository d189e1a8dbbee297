"""From what was found on AWS to a spec's text, the reasons as comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chimera.app.cloud import MESH, Found
from chimera.platforms.aws.found import UNREAD

_TEMPLATE = """\
# What Chimera deploys and how. `chimera plan` shows what follows from it, and every default;
# `chimera schema` describes every key. Nothing here is secret.
version: 1
service: {service}

target:
  platform: {platform}
{target}
{others}
# How cautious: careful (35 min at least), balanced (6 min) or fast (32 s).
strategy: {strategy}

# The canary is rolled back as soon as the evidence says that it breaks this, or that it is worse
# than the running version.
errorRate: 1%                   # of its requests: answers 5xx, or none
{latency}"""
# A load balancer tells how long targets take; Envoy's metrics on CloudWatch do not.
_LATENCY = "latencyP95: 500ms               # 95 % of its requests are faster\n"
_REASONS = {
    "cluster": "where its tasks run",
    "service": "the ECS service to begin with; what replaces it is found by itself",
    "rule": "the only listener rule that forwards to it",
    "listener": "no rule forwards to it, this listener does",
    "route": "the only route that leads to its virtual node",
    "namespace": "where the agent of this cluster publishes Envoy's metrics",
}
_FOREMOST = ("cluster", "service", "region", "profile", "role", "externalId")


def cloud_spec(
    platform: str,
    chosen: Found,
    found: Sequence[Found] = (),
    *,
    name: str = "",
    strategy: str = "balanced",
    settings: Mapping[str, object] | None = None,
) -> str:
    """Return a spec's text for an ECS service that was found.

    found: the rest, whose reasons become comments. name: of the service in Chimera, by default
    its name on ECS as Chimera can take it. settings: of the target, instead of or beside those
    found.
    """
    target = {**chosen.settings, **(settings or {})}
    ordered = sorted(target, key=lambda key: _FOREMOST.index(key) if key in _FOREMOST else 99)
    return _TEMPLATE.format(
        service=_quoted(name or service_name(chosen.name)),
        platform=platform,
        target="\n".join(_line(key, target[key]) for key in ordered if target[key]),
        others=_others(platform, chosen, found),
        strategy=strategy,
        latency="" if platform == MESH else _LATENCY,
    )


def service_name(name: str) -> str:
    """Return an ECS service's name as Chimera can take it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "service"


def _line(key: str, value: object) -> str:
    text = f"  {key}: {_quoted(str(value))}"
    reason = _REASONS.get(key, "")
    if not reason:
        return text
    return f"{text:<32}# {reason}" if len(text) < 31 else f"  # {reason}:\n{text}"


def _others(platform: str, chosen: Found, found: Sequence[Found]) -> str:
    lines = []
    if platform == MESH and "namespace" not in chosen.settings:
        lines.append(_comment(f"No agent publishes Envoy's metrics of {chosen.inside} yet. Once:"))
        lines.append(_comment(f"chimera setup {chosen.inside}", indent=3))
    if lacks := chosen.facts.get(UNREAD):
        lines.append(_comment("The agent cannot read the running version, to compare with:"))
        lines.append(_comment(lacks, indent=3))
    services = [one for one in found if one.kind == "service" and one is not chosen]
    if services:
        lines.append(_comment("What else runs there:"))
    for one in services:
        said = f"cannot be used: {one.reason}" if one.why else "could be used as well"
        lines.append(_comment(f"{one.name} in {one.inside} {said}", indent=3))
    for one in found:
        if one.why and one.kind != "service":
            lines.append(_comment(f"{one.kind} {one.name} cannot be used: {one.reason}"))
    return "".join(["\n", *lines] if lines else [])


def _comment(text: str, indent: int = 1) -> str:
    """Return a line of comment; what AWS says may hold line ends, which would end it."""
    return f"#{' ' * indent}{' '.join(text.split())}\n"


def _quoted(text: str) -> str:
    """Return `text` as YAML reads it back, quoted only where it must be."""
    import yaml

    if yaml.safe_load(text) == text and "#" not in text and ": " not in text:
        return text
    return yaml.safe_dump(text, default_style='"', width=10_000, allow_unicode=True).strip()
