"""`chimera init`: a commented spec, with at most three questions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from chimera.cli.asking import ask_text
from chimera.core.errors import SpecError

_TEMPLATE = """\
# What Chimera deploys and how. `chimera plan` shows what follows from it, and every default;
# `chimera schema` describes every key. Nothing here is secret.
version: 1
service: {service}

target:
  platform: local               # processes on this machine, behind an Envoy that Chimera starts
  # How one replica starts. {{port}} is the port that it must listen on; {{version}} is what
  # `chimera deploy --version` says.
  command: {command}
  port: {port}                    # where users reach the service, whatever version answers
  health: {health}                     # answers 2xx when a replica can serve
  replicas: 1

# How cautious: careful (35 min at least), balanced (6 min) or fast (32 s).
strategy: {strategy}

# The canary is rolled back as soon as the evidence says that it breaks one of these, or that it
# is worse than the running version.
errorRate: 1%                   # of its requests: answers 5xx, or none
latencyP95: 500ms               # 95 % of its requests are faster

# To go your own way, replace the strategy's steps:
# steps:
#   - setWeight: 5
#     bake: 5m
#   - setWeight: 50
#     bake: 10m
#   - approval: {{role: operator}}  # a person decides with `chimera approve`
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the spec is made from; empty is not given yet."""

    service: str
    command: str
    port: int
    health: str
    strategy: str


def write_spec(file: Path, given: Answers, *, ask: bool) -> None:
    """Write a spec to a new file; SpecError if it exists or an answer is wrong."""
    refuse_existing(file)
    write_text(file, render(_complete(given, ask=ask)))


def write_text(file: Path, text: str) -> None:
    """Write a spec's text to a new file; SpecError if it exists or could not be read again."""
    refuse_existing(file)
    _check(text, file)
    try:
        with file.open("x", encoding="utf-8") as spec:
            spec.write(text)
    except OSError as error:
        raise SpecError(f"cannot write {file}: {error.strerror}") from None


def refuse_existing(file: Path) -> None:
    """Refuse a file that exists: nothing is overwritten."""
    if file.exists():
        raise SpecError(
            f"{file} exists already, and is left as it is",
            hint=f"give another name: chimera init {file.stem}-2{file.suffix}",
        )


def render(answers: Answers) -> str:
    """Return the spec's text."""
    return _TEMPLATE.format(
        service=_quoted(answers.service),
        command=_quoted(answers.command),
        port=answers.port,
        health=_quoted(answers.health),
        strategy=_quoted(answers.strategy),
    )


def _complete(given: Answers, *, ask: bool) -> Answers:
    service = given.service or _question("Service name", _default_service(), ask=ask)
    command = given.command or _question(
        "Command that starts it, with {port}", "python3 -m http.server {port}", ask=ask
    )
    port = given.port or _port(_question("Port for its users", "8080", ask=ask))
    return replace(given, service=service, command=command, port=port)


def _question(question: str, default: str, *, ask: bool) -> str:
    return ask_text(question, default) if ask else default


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise SpecError(f"'{text}' is not a port", hint="a number from 1 to 65535, e.g. 8080")
    return int(text)


def _default_service() -> str:
    name = re.sub(r"[^a-z0-9]+", "-", Path.cwd().name.lower()).strip("-")[:63].strip("-")
    return name or "app"


def _quoted(text: str) -> str:
    """Return `text` as YAML reads it back, quoted only where it must be."""
    import yaml

    if re.fullmatch(r"/?[a-z][a-z0-9/-]*|/", text):
        return text
    return yaml.safe_dump(text, default_style='"', width=10_000, allow_unicode=True).strip()


def _check(text: str, file: Path) -> None:
    """Refuse to write what `chimera plan` would refuse to read."""
    from chimera.cli.session import ask

    async def work(chimera: object) -> None:
        chimera.parse_spec(text, file=str(file))  # type: ignore[attr-defined]

    ask(work)
