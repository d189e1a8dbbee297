"""What an image's name runs: an app by the options' commands, Envoy, or the metrics agent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """A pulled image: its kind, and for an app its command with {address} and {port} open."""

    kind: Literal["app", "envoy", "agent"]
    command: tuple[str, ...] = ()
    version: str = ""


class CannotPull(Exception):
    """The image cannot be had; the message is as ECS words it."""


def bare(image: str) -> str:
    """Return an image's name without its registry: "logo:1", "logo@sha256:..."."""
    return image.rpartition("/")[2]


def pull(image: str, commands: Mapping[str, tuple[str, ...]], account: str) -> Image:
    """Find what an image runs. Raises CannotPull."""
    name = bare(image)
    if "envoy" in name.partition(":")[0]:
        return Image("envoy")
    if "cloudwatch-agent" in name:
        return Image("agent")
    version = _version(image, account)
    plain = f"{name.partition('@')[0].partition(':')[0]}:{version}"
    for pattern, command in commands.items():
        if fnmatchcase(plain, pattern) or fnmatchcase(name, pattern):
            return Image("app", command, version)
    raise CannotPull(
        f"CannotPullContainerError: the practice range has no image {name}; "
        "name one and its command with --image"
    )


def _version(image: str, account: str) -> str:
    """Return the version an image holds: as its manifest says, else its tag."""
    repository, digest = _split(image)
    if ".dkr.ecr." not in image:
        return "latest" if digest.startswith("sha256:") else digest
    owner, region = image.split(".", maxsplit=1)[0], image.split(".")[3]
    if owner != account:
        raise CannotPull(_not_found(image, "pull access denied, repository does not exist"))
    from moto.ecr.models import ecr_backends

    found = ecr_backends[account][region].repositories.get(repository)
    if found is None:
        raise CannotPull(_not_found(image, "repository does not exist"))
    for one in found.images:
        if digest == one.image_digest or digest in one.image_tags:
            notes = json.loads(one.image_manifest).get("annotations", {})
            fallback = one.image_tags[0] if one.image_tags else digest
            return str(notes.get("org.opencontainers.image.version", fallback))
    raise CannotPull(_not_found(image, "not found"))


def _not_found(image: str, why: str) -> str:
    return (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to "
        f"resolve ref {image}: {image}: {why}"
    )


def _split(image: str) -> tuple[str, str]:
    path = image.partition("/")[2] if ".dkr.ecr." in image else image
    if "@" in path:
        repository, _, digest = path.partition("@")
        return repository.partition(":")[0], digest
    repository, colon, tag = path.rpartition(":")
    return (repository, tag) if colon else (path, "latest")


def fill(command: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """Fill {address}, {port}, {version} and {image} into a command."""
    filled = []
    for word in command:
        for name, value in values.items():
            word = word.replace(f"{{{name}}}", value)  # noqa: PLW2901 - one word, step by step
        filled.append(word)
    return filled
