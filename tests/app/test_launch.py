"""Finding a controller: one that ends while somebody waits for it is followed by another."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from tests.support.eventually import eventually

from chimera.app import launch
from chimera.app.launch import ensure_controller
from chimera.app.lock import Controller, find_controller, hold_controller_lock
from chimera.app.settings import Settings
from chimera.core.errors import EngineError
from chimera.platforms.local.procfs import carriers

ME = Controller(os.getpid(), "now", "1", address="127.0.0.1:1")


class Child:
    """A process that is started, and takes the lock or loses it."""

    def __init__(self, returncode: int | None = None) -> None:
        self.returncode = returncode

    def poll(self) -> int | None:
        return self.returncode


async def test_a_controller_that_ends_before_it_is_ready_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    former = hold_controller_lock(tmp_path)
    lock = former.__enter__()
    lock.announce(ME)

    def spawn(home: Path, log_file: Path, words: list[str]) -> Child:
        started.append(home)
        return Child(8 if len(started) == 1 else None)

    monkeypatch.setattr(launch, "_spawn", spawn)
    waiting = asyncio.create_task(ensure_controller(Settings(tmp_path)))
    await asyncio.sleep(0.2)
    assert not started
    former.__exit__(None, None, None)
    await eventually(lambda: len(started) == 2)  # the first one lost the race for the folder
    with hold_controller_lock(tmp_path) as lock:
        lock.announce(Controller(1, "later", "1", address="127.0.0.1:2", ready=True))
        assert (await waiting).address == "127.0.0.1:2"
    assert find_controller(tmp_path) is None


async def test_one_that_would_stay_is_ended_when_it_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "START_DEADLINE_S", 0.2)
    with pytest.raises(EngineError, match="was not ready within"):
        await ensure_controller(Settings(tmp_path), listen="127.0.0.1:0")
    await eventually(lambda: not carriers("CHIMERA_HOME", str(tmp_path)), within_s=60)


def test_its_log_is_private_and_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "MAX_LOG_BYTES", 5)
    monkeypatch.setattr(launch.sys, "executable", "/bin/true")  # type: ignore[attr-defined]
    log = tmp_path / "controller.log"
    log.write_text("too long")
    launch._spawn(tmp_path, log, []).wait()
    assert log.with_suffix(".log.1").read_text() == "too long"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
