"""What the operator says about a service that runs as processes on this machine."""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from chimera.core.errors import SpecError
from chimera.core.model import Revision, Service
from chimera.core.spec.values import Duration, lasting

PLACEHOLDERS = ("port", "version", "image")
_WORD = re.compile(r"(?<!\$)\{([A-Za-z_]+)\}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LocalTarget(BaseModel):
    """A service that runs as processes on this machine, behind an Envoy that Chimera starts."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )
    folders: ClassVar[tuple[str, ...]] = ("cwd",)

    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = Field(
        description="Front port: where users reach the service, whatever version answers.",
    )
    command: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] = (
        Field(
            description="How to start one replica; a string is split like a shell would, but no "
            "shell runs it. {port} is required; {version} and {image} are what is deployed.",
        )
    )
    health: str = Field(
        default="/", description="Path that answers 2xx when a replica can serve, with its query."
    )
    replicas: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        default=1, description="How many processes of each version run."
    )
    env: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables on top of the controller's, which come without its "
        "CHIMERA_*; placeholders allowed.",
    )
    cwd: str = Field(
        default="",
        description="Working folder of the processes, relative to the spec's file; default: the "
        "folder of that file.",
    )
    start_timeout: Annotated[Duration, lasting("100ms", "1h")] = Field(
        default=timedelta(seconds=30),
        description="How long a replica may take until its health check passes.",
    )
    stop_timeout: Annotated[Duration, lasting("100ms", "1h")] = Field(
        default=timedelta(seconds=10),
        description="How long a replica may take to end after SIGTERM, before SIGKILL.",
    )
    bind: str = Field(
        default="127.0.0.1",
        description="IP address of the front port; 0.0.0.0 opens it to the network.",
    )

    @field_validator("command")
    @classmethod
    def _command(cls, command: str | list[str]) -> str | list[str]:
        words = _split(command)
        check_placeholders(words)
        if not any("{port}" in word for word in words):
            raise ValueError("the command must hold {port}, the port that the replica listens on")
        return command

    @field_validator("env", mode="before")
    @classmethod
    def _env(cls, env: object) -> object:
        if not isinstance(env, Mapping):
            return env
        for name, value in env.items():
            if not isinstance(name, str) or not _ENV_NAME.fullmatch(name):
                raise ValueError(f"'{name}' cannot name an environment variable")
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise ValueError(f"{name}: quote the value, so that it is text")
            if "\0" in str(value):
                raise ValueError(f"{name}: the value holds a zero byte")
        check_placeholders(str(value) for value in env.values())
        return {name: str(value) for name, value in env.items()}

    @field_validator("health")
    @classmethod
    def _health(cls, path: str) -> str:
        if not re.fullmatch(r"/[!-~]*", path) or "#" in path:
            raise ValueError("a path that begins with '/', without blanks")
        return path

    @field_validator("bind")
    @classmethod
    def _bind(cls, address: str) -> str:
        try:
            return str(ipaddress.ip_address(address))
        except ValueError:
            raise ValueError(f"'{address}' is not an IP address") from None


def target_of(service: Service) -> LocalTarget:
    """Read a service's settings; SpecError with one line per mistake."""
    settings = {key: value for key, value in service.settings.items() if key != "platform"}
    try:
        return LocalTarget.model_validate(settings)
    except ValidationError as error:
        problems = [
            f"target.{'.'.join(map(str, mistake['loc'][:1]))}: {mistake['msg']}"
            for mistake in error.errors()
        ]
        message = f"the target of service '{service.name}' is wrong: {problems[0]}"
        raise SpecError(message, problems=problems) from None


def _split(command: str | list[str]) -> list[str]:
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise ValueError(f"the command cannot be split into words: {error}") from None
    if not words or not words[0] or "\0" in "".join(words):
        raise ValueError("the command is empty or holds a zero byte")
    return list(words)


def check_placeholders(texts: Iterable[str]) -> None:
    """Refuse what looks like a mistyped placeholder; other braces belong to the command."""
    for text in texts:
        for word in _WORD.findall(text):
            near = difflib.get_close_matches(word, PLACEHOLDERS, n=1, cutoff=0.7)
            if word not in PLACEHOLDERS and near:
                raise ValueError(f"unknown placeholder {{{word}}}; did you mean {{{near[0]}}}?")


@dataclass(frozen=True, slots=True)
class Definition:
    """How one revision runs, with everything resolved but {port}, which each replica gets."""

    command: tuple[str, ...]
    health: str
    replicas: int
    env: Mapping[str, str]
    cwd: str
    start_timeout: timedelta
    stop_timeout: timedelta

    def settings(self) -> dict[str, Any]:
        """Return it as JSON: the settings of a Revision. Durations are in seconds."""
        return {
            "command": list(self.command),
            "health": self.health,
            "replicas": self.replicas,
            "env": dict(self.env),
            "cwd": self.cwd,
            "startTimeout": self.start_timeout.total_seconds(),
            "stopTimeout": self.stop_timeout.total_seconds(),
        }

    @classmethod
    def of(cls, revision: Revision) -> Self:
        """Read it back from a Revision; ValueError if it was not built by this platform."""
        s = revision.settings
        try:
            return cls(
                command=tuple(s["command"]),
                health=s["health"],
                replicas=s["replicas"],
                env=dict(s["env"]),
                cwd=s["cwd"],
                start_timeout=timedelta(seconds=s["startTimeout"]),
                stop_timeout=timedelta(seconds=s["stopTimeout"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"revision '{revision.name}' does not say how to run: {error!r}"
            ) from None

    @property
    def digest(self) -> str:
        """Name what each process is started from, so that a stale one is told from a wanted one."""
        settings = self.settings()
        del settings["replicas"], settings["stopTimeout"], settings["startTimeout"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def build_revision(service: Service, *, version: str, image: str) -> Revision:
    """Resolve what the operator asked for; SpecError if it cannot be told."""
    target = target_of(service)
    words, env = _split(target.command), target.env
    given = {"version": version or _version_of(image), "image": image}
    for name, value in given.items():
        if not value and any(f"{{{name}}}" in text for text in [*words, *env.values()]):
            raise SpecError(
                f"the command of '{service.name}' uses {{{name}}}, but none was given",
                hint=f"say which: --{name}",
            )

    def fill(text: str) -> str:
        # One pass, so that a placeholder inside a value stays text.
        return _WORD.sub(lambda match: given.get(match[1], match[0]), text)

    definition = Definition(
        command=tuple(fill(word) for word in words),
        health=target.health,
        replicas=target.replicas,
        env={name: fill(value) for name, value in env.items()},
        cwd=str(Path(target.cwd or ".").expanduser().absolute()),
        start_timeout=target.start_timeout,
        stop_timeout=target.stop_timeout,
    )
    name = given["version"] or f"cmd-{definition.digest[:8]}"
    try:
        return Revision(name, image, definition.settings())
    except ValueError as error:
        raise SpecError(str(error), hint="say which version: --version v2") from None


def _version_of(image: str) -> str:
    """Take the tag, or the beginning of the digest; an image without either is its own name."""
    name, _, digest = image.partition("@")
    if digest:
        return digest.replace(":", "-")[:19]
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or name
