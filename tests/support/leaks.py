"""A pytest plugin: a run fails if a process that its tests started outlives it.

The controller puts a mark into the environment, every child inherits it however deep and however
detached, and at the end no live process may carry it.
"""

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

MARK = "CHIMERA_TEST_SESSION"
GRACE_S = 5.0
LEAKS = pytest.StashKey[dict[int, str]]()


def find_leaks(mark: str, proc: Path = Path("/proc")) -> dict[int, str]:
    """List the live processes, other than this one, whose environment carries the mark.

    Returns:
        Command line by process id; empty where there is no procfs.
    """
    found = {}
    for folder in proc.glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and f"{MARK}={mark}".encode() in _read(folder / "environ").split(
            b"\0"
        ):
            command = _read(folder / "cmdline").replace(b"\0", b" ").decode(errors="replace")
            if "multiprocessing.resource_tracker" not in command:  # ends with its parent
                found[pid] = command.strip() or "(no command line)"
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it ended meanwhile, is a zombie, or belongs to somebody else
        return b""


def _outlived(mark: str) -> dict[int, str]:
    """Give the last children a moment to end, then list those that did not."""
    deadline = time.monotonic() + GRACE_S
    while (leaks := find_leaks(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return leaks


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        os.environ[MARK] = uuid.uuid4().hex


@pytest.hookimpl(trylast=True)  # after xdist has ended its workers
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _is_worker(session.config):
        return
    leaks = _outlived(os.environ[MARK])
    session.config.stash[LEAKS] = leaks
    if leaks and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield
    leaks = terminalreporter.config.stash.get(LEAKS, {})
    if leaks:
        terminalreporter.section("processes left behind: the run fails", red=True, bold=True)
    for pid, command in leaks.items():
        terminalreporter.write_line(f"{pid}: {command}", red=True)
        with contextlib.suppress(ProcessLookupError):  # reported; the next run starts clean
            os.kill(pid, signal.SIGKILL)
