"""Start one process that outlives its controller, and say plainly why it could not start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from chimera.core.errors import ProviderRefused
from chimera.platforms.envoy.proc import ProcessId, identity

_TAIL_LINES = 5
_TAIL_BYTES = 4000


def spawn(command: Sequence[str], *, cwd: str, env: Mapping[str, str], log: Path) -> ProcessId:
    """Start a process in a session of its own, output appended to `log`.

    Raises ProviderRefused if it cannot be started at all; one that ends at once is returned.
    """
    try:
        with log.open("ab", buffering=0) as output:
            child = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise _refused(command[0], cwd, env, error) from error
    process = identity(child.pid)
    # It is watched by its identity from here on, also by controllers that are not its parent.
    child.returncode = 0
    if process is None:
        raise ProviderRefused("local", "start a process", "/proc does not show it")
    return process


def _refused(
    program: str, cwd: str, env: Mapping[str, str], error: OSError | ValueError
) -> ProviderRefused:
    reason, hint = f"cannot run '{program}': {error}", "check `command` in the target"
    resolved = shutil.which(program, path=env.get("PATH", os.defpath))
    if not Path(cwd).is_dir():
        reason, hint = f"the working folder {cwd} does not exist", "check `cwd` in the target"
    elif isinstance(error, FileNotFoundError) and "/" in program and Path(cwd, program).exists():
        reason = f"the interpreter that '{program}' names in its first line does not exist"
    elif isinstance(error, FileNotFoundError):
        reason = f"there is no program '{program}'"
        hint = "write its full path in `command`, or put it on the PATH"
    elif isinstance(error, PermissionError):
        where = resolved or Path(cwd, program)
        reason, hint = f"{where} is not executable", f"make it so: chmod +x {where}"
    elif isinstance(error, OSError) and "format" in str(error).lower():
        reason = f"'{program}' is neither a program nor a script with a first line like #!/bin/sh"
    return ProviderRefused("local", "start a process", reason, hint=hint)


def free_port(address: str = "127.0.0.1") -> int:
    """Return a TCP port that is free now; it may be taken before it is used."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def last_lines(log: Path) -> str:
    """Return the last lines of a log on one line, "" if there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_TAIL_LINES:])[-1000:]


def forget_logs(folder: Path, written: Collection[Path], *, keep: int) -> None:
    """Delete the logs in a folder that nobody writes any more, all but the latest `keep`."""
    files = [file for file in folder.iterdir() if file.with_suffix(".log") not in written]
    for file in sorted(files, key=_changed, reverse=True)[keep:]:
        file.unlink(missing_ok=True)


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def bound_log(log: Path, limit: int) -> None:
    """Keep a growing log under `limit` bytes: its latest half stays, beside it as `.old`."""
    try:
        size = log.stat().st_size
        if size <= limit:
            return
        with log.open("rb") as file:
            file.seek(size - limit // 2)
            log.with_suffix(".old").write_bytes(file.read(limit // 2))
        os.truncate(log, 0)  # its writer appends, so it goes on at the new end
    except FileNotFoundError:
        return
