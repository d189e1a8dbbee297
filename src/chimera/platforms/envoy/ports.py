"""Give a port to one Envoy only, and name who holds it if it is taken.

The lock is inherited by Envoy itself: it lasts exactly as long as Envoy does, whatever becomes of
the process that started it.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from chimera.core.errors import ProviderRefused

_LISTEN = "0A"


def lock_port(port: int, *, address: str, folder: Path, owner: str) -> int:
    """Return a descriptor that holds the port's lock, to be inherited by Envoy and then closed.

    `folder` is shared by all of one user's fronts. Raises ProviderRefused when another front holds
    the lock or another program the port.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022 or not stat.S_ISDIR(found.st_mode):
        # In a folder for all, somebody else may have made it first, with links to our files in it.
        hint = "remove it, or set TMPDIR to a folder of your own"
        raise _refused(port, f"{folder} is not this user's own folder", hint)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(folder / f"port-{port}.lock", flags, 0o600)
    try:
        _lock(descriptor, port)
        _check_free(port, address)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def forget_port(port: int, *, folder: Path) -> None:
    """Delete the lock of a port that no front holds any more; a held one stays."""
    path = folder / f"port-{port}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def _lock(descriptor: int, port: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 200, 0).decode(errors="replace") or "another front"
        raise _taken(port, owner) from None


def _check_free(port: int, address: str) -> None:
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Envoy does
        try:
            probe.bind((address, port))
        except PermissionError:
            raise _refused(port, "only root may listen on it", "choose a port above 1023") from None
        except OSError as error:
            in_use = "already in use" in str(error).lower()
            raise (
                _taken(port, holder(port)) if in_use else _refused(port, str(error), "")
            ) from error


def _taken(port: int, owner: str) -> ProviderRefused:
    return _refused(port, f"in use by {owner}", "stop it, or choose another port")


def _refused(port: int, reason: str, hint: str) -> ProviderRefused:
    return ProviderRefused("envoy", f"listen on port {port}", reason, hint=hint)


def holder(port: int) -> str:
    """Name the program that listens on a port, "another program" if that cannot be seen."""
    wanted = {inode for inode, other in listening() if other == port}
    for process in Path("/proc").glob("[0-9]*"):
        if wanted and not wanted.isdisjoint(sockets(int(process.name))):
            name = (process / "comm").read_text(encoding="utf-8").strip()
            return f"{name} (pid {process.name})"
    return "another program"


def listening() -> Iterator[tuple[str, int]]:
    """Give every TCP socket that somebody on this machine listens on: its inode and its port."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                yield fields[9], int(fields[1].rpartition(":")[2], 16)


def sockets(pid: int) -> Iterator[str]:
    """Give the inode of every socket that a process has open, as far as that can be seen."""
    folder = f"/proc/{pid}/fd"
    try:
        descriptors = os.listdir(folder)  # noqa: PTH208 - much faster than Path over all processes
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return
    for descriptor in descriptors:
        with suppress(OSError):  # closed meanwhile
            link = os.readlink(f"{folder}/{descriptor}")  # noqa: PTH115
            if link.startswith("socket:["):
                yield link[8:-1]
