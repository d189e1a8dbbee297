"""Names and tags of what Chimera makes: told from the rollout alone, so a repeat finds them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chimera.core.model import Revision, Service

ROLLOUT = "chimera:rollout"
SERVICE = "chimera:service"
REVISION = "chimera:revision"
IMAGE = "chimera:image"
# The name that the ECS service, the family of its task definition and its backend share.
NAME = "chimera:name"
# What stood there before the very first version: the backend that gets the route back at its end.
ORIGIN = "chimera:origin"
_OURS = "chimera:"
_OURS_TOO = "aws:"


def derived(base: str, service: Service, revision: Revision, rollout: str, most: int = 255) -> str:
    """Name a version's resources after the original ECS service; at most `most` characters."""
    key = f"{service.name}\0{rollout}\0{revision.name}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:6]
    slug = re.sub(r"[^A-Za-z0-9]+", "-", revision.name).strip("-")[:20].strip("-") or "rev"
    tail = f"-{slug}-{digest}"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", base)[: most - len(tail)].rstrip("-") + tail


def token(name: str, *parts: str) -> str:
    """Return a client token for making something: the same for the same, 32 characters."""
    return hashlib.sha256("\0".join((name, *parts)).encode()).hexdigest()[:32]


def our_tags(
    service: Service, revision: Revision, rollout: str, name: str, origin: str = ""
) -> dict[str, str]:
    """Return the tags of everything that a rollout makes."""
    tags = {
        ROLLOUT: rollout,
        SERVICE: service.name,
        REVISION: revision.name,
        NAME: name,
    }
    if revision.image:
        tags[IMAGE] = revision.image[:256]
    if origin:
        tags[ORIGIN] = origin
    return tags


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the operator's own tags, which a clone takes over."""
    return {k: v for k, v in tags.items() if not k.startswith((_OURS, _OURS_TOO))}


def read_tags(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Turn a list of {key, value}, however capitalised, into a dict."""
    pairs = ({k.lower(): v for k, v in tag.items()} for tag in tags or ())
    return {str(pair["key"]): str(pair.get("value", "")) for pair in pairs}


def ecs_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as ECS and App Mesh take them; at most 50, ours first."""
    ordered = sorted(tags.items(), key=lambda tag: (not tag[0].startswith(_OURS), tag[0]))
    return [{"key": key, "value": value} for key, value in ordered[:50]]
