"""One container of a task: what it runs, and whether its health check passes."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import Any

from chimera.sandbox.plane import images, sidecar
from chimera.sandbox.plane.http import accepts, fetch

Json = dict[str, Any]
_URL = re.compile(r"https?://[^/\s:]+(?::(\d+))?(/[^\s|'\"]*)?")


@dataclass(slots=True)
class Running:
    """A container as it runs: its definition, its record in the task, its process."""

    container: Json
    state: Json
    image: images.Image
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    healthy: bool | None = None
    started: float = 0.0
    checked: float = field(default=0.0)

    @property
    def essential(self) -> bool:
        """Whether the task ends with it."""
        return bool(self.container.get("essential", True))


def app_command(one: Running, address: str) -> list[str]:
    """Return what runs an app's container on an address."""
    port = next((p["containerPort"] for p in one.container["portMappings"]), 8080)
    values = {
        "address": address,
        "port": str(port),
        "version": one.image.version,
        "image": one.container["image"],
    }
    return images.fill(one.image.command, values) + list(one.container.get("command", ()))


async def probe(one: Running, address: str) -> bool:
    """Do what a container's health check command would do: fetch its URL, else connect."""
    if one.image.kind == "agent":
        return True
    words = " ".join(one.container["healthCheck"].get("command", ()))
    if found := _URL.search(words):
        port, path = int(found.group(1) or 80), found.group(2) or "/"
        status, body = await fetch(address, port, path)
        return 200 <= status < 400 and ("LIVE" not in words or b"LIVE" in body)
    port = next((p["containerPort"] for p in one.container["portMappings"]), sidecar.ADMIN)
    return await accepts(address, port)
