"""Ctrl-C ends a benchmark and everything that it started, also a controller about to start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.leaks import find_leaks

DEADLINE_S = 60.0


@pytest.mark.parametrize("moment", ["engine", "wanted"])
def test_nothing_is_left_after_ctrl_c(tmp_path: Path, moment: str) -> None:
    """`moment` is the file whose appearance is waited for: the lock's taking, or before it."""
    mark = f"{tmp_path.name}-{os.getpid()}-{moment}"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "CHIMERA_TEST_SESSION": mark}
    command = [sys.executable, "-m", "chimera.bench", "startup", "--effort", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as bench:
        deadline = time.monotonic() + DEADLINE_S
        while not list(tmp_path.glob(f"chimera-bench-*/{moment}")):
            assert time.monotonic() < deadline, f"{moment} did not appear"
            assert bench.poll() is None, "it ended too early"
            time.sleep(0.002)
        bench.send_signal(signal.SIGINT)
        _, said = bench.communicate(timeout=DEADLINE_S)
    assert bench.returncode == 130
    assert "everything that was started is ended first" in said
    assert not find_leaks(mark)
    assert not list(tmp_path.iterdir())
