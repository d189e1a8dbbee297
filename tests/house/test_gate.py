"""The gate itself: processes left behind and forbidden skips fail a run, workers or not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ["-p", "xdist", "-p", "tests.support.leaks", "-p", "tests.support.no_skips"]

LEAKS = """
import subprocess, sys
def test_leaks():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
"""
SKIPS = """
import pytest
def test_skips():
    pytest.skip("no database here")
"""
SKIPS_MODULE = """
import pytest
pytest.importorskip("no_such_module_anywhere")
"""
XFAILS = """
import pytest
@pytest.mark.xfail
def test_xfails():
    assert False
"""
PASSES = """
def test_passes():
    pass
"""

GROUPED = """
import pytest
@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(12))
def test_grouped(number, worker_id, tmp_path_factory):
    (tmp_path_factory.getbasetemp().parent / f"on-{worker_id}").touch()
def test_alone():
    pass
"""

FAILS_ONCE = """
import pathlib, pytest
@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("words", ["a b", "c"])
def test_fails_once(words):
    before = pathlib.Path(__file__).with_name(words)
    if not before.exists():
        before.touch()
        assert False
def test_alone():
    pass
"""


def run_pytest(folder: Path, source: str, *options: str, require_all: bool) -> tuple[int, str]:
    """Run pytest with the house's plugins over one file, as a process of its own."""
    (folder / "test_inner.py").write_text(source)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CHIMERA_REQUIRE_ALL": "1" if require_all else "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # loading them all takes longer than the rest
    }
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, *PLUGINS, *options, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_process_left_behind_fails_the_run_and_is_named(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    code, output = run_pytest(tmp_path, LEAKS, *options, require_all=False)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "processes left behind" in output
    assert "time.sleep(60)" in output


@pytest.mark.parametrize("source", [SKIPS, SKIPS_MODULE], ids=["test", "module"])
def test_a_skip_passes_on_a_desk_and_fails_at_the_gate(tmp_path: Path, source: str) -> None:
    relaxed, _ = run_pytest(tmp_path, source + PASSES, require_all=False)
    strict, output = run_pytest(tmp_path, source + PASSES, require_all=True)
    assert relaxed in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert strict != pytest.ExitCode.OK
    assert "CHIMERA_REQUIRE_ALL=1 allows no skips" in output


@pytest.mark.parametrize("source", [PASSES, XFAILS], ids=["passes", "xfails"])
def test_the_gate_lets_the_rest_through(tmp_path: Path, source: str) -> None:
    code, output = run_pytest(tmp_path, source, require_all=True)
    assert code == pytest.ExitCode.OK, output


def test_tests_of_one_group_share_what_they_set_up(tmp_path: Path) -> None:
    """Some sets of versions split groups silently; each worker then builds the same image anew."""
    base = tmp_path / "base"
    options = ("-n", "3", "--dist", "loadgroup", "--basetemp", str(base))
    code, output = run_pytest(tmp_path, GROUPED, *options, require_all=True)
    assert code == pytest.ExitCode.OK, output
    assert len(list(base.glob("on-*"))) == 1


def test_what_failed_in_a_group_is_tried_again(tmp_path: Path) -> None:
    """As `.ci/run` does: by one worker, for without any the names are others."""
    options = ("--dist", "loadgroup", "-o", f"cache_dir={tmp_path / 'cache'}")
    code, output = run_pytest(tmp_path, FAILS_ONCE, "-n", "2", *options, require_all=True)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "2 failed, 1 passed" in output
    again = ("-n", "1", "--last-failed", "--last-failed-no-failures", "none")
    code, output = run_pytest(tmp_path, FAILS_ONCE, *again, *options, require_all=True)
    assert code == pytest.ExitCode.OK, output
    assert "2 passed" in output
