"""The spec of the practice service: how its processes start; its rules are the caller's."""

from __future__ import annotations

import json
import sys

from chimera.demo import logo

_TARGET = """\
version: 1
service: {service}
target:
  platform: local
  port: {port}
  command: {command}
  health: {health}
  replicas: {replicas}
"""


def logo_command() -> list[str]:
    """Return the command of one process; `{port}` and `{version}` are still to be filled in."""
    return [sys.executable, logo.__file__, "--port", "{port}", "--version", "{version}"]


def logo_spec(port: int, rules: str, *, service: str = "logo", replicas: int = 2) -> str:
    """Return a spec for a front port of this machine. rules: its other keys, as YAML."""
    target = _TARGET.format(
        service=service,
        port=port,
        command=json.dumps(logo_command()),
        health=logo.HEALTH,
        replicas=replicas,
    )
    return target + rules
