"""Whatever goes wrong: a sentence, a next step, the right exit code, never a traceback."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from chimera.cli.errors import guarded, report
from chimera.core.errors import (
    ChimeraError,
    EngineError,
    LedgerError,
    ProviderRefused,
    ProviderUnavailable,
    RequestRefused,
    RolloutConflict,
    RolloutNotFound,
    SpecError,
    UnknownAdapter,
)

CODES: list[tuple[Exception, int]] = [
    (ChimeraError("it broke"), 1),
    (SpecError("wrong", problems=["a.yaml:3: no"]), 2),
    (RolloutNotFound("none"), 2),
    (UnknownAdapter("platform", "x", ["local"]), 2),
    (RolloutConflict("held"), 8),
    (RequestRefused("too late"), 8),
    (LedgerError("locked"), 1),
    (EngineError("away"), 1),
    (ProviderUnavailable("envoy", "set weights", "no answer"), 1),
    (ProviderRefused("envoy", "set weights", "fenced"), 2),
    (PermissionError(13, "Permission denied", "/srv/x"), 7),
    (KeyError("surprise"), 1),
    (KeyboardInterrupt(), 130),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda x: type(x).__name__)
def test_every_error_has_its_code_and_no_traceback(
    home: Path, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def fail() -> int:
        raise error

    assert guarded(fail, ["status"]) == code
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "Traceback" not in seen.err
    assert code == 130 or seen.err.startswith("error: ")


def test_each_problem_of_a_spec_has_its_line(run: Run) -> None:
    Path("bad.yaml").write_text("version: 1\nservice: Logo\ntarget: {platform: locl}\nstep: 3\n")
    done = run("plan", "bad.yaml")
    assert done.code == 2
    lines = done.err.splitlines()
    assert lines[0].startswith("error: bad.yaml cannot be used: 3 problems")
    assert [line[:13] for line in lines[1:4]] == [f"  bad.yaml:{n}:" for n in (2, 3, 4)]
    assert lines[4].startswith("Next: ")


def test_an_internal_error_leaves_its_details_in_a_private_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise ZeroDivisionError("by\nzero")

    assert guarded(fail, ["logs", "logo"]) == 1
    log = home / "cli-errors.log"
    assert str(log) in capsys.readouterr().err
    assert "chimera logs logo" in log.read_text()
    assert "ZeroDivisionError" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_debugging_shows_the_traceback(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise ZeroDivisionError

    monkeypatch.setenv("CHIMERA_DEBUG", "1")
    assert guarded(fail, []) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args",
    [["nope"], ["deploy", "--nope"], ["history", "--limit", "0"], ["list", "-o", "xml"], ["down"]],
)
def test_a_wrong_command_says_how_it_is_used(run: Run, args: list[str]) -> None:
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert "--help` shows how it is used" in done.err


def test_a_bad_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIMERA_TEMPORAL_ADDRESS", "nowhere")
    done = run("list")
    assert done.code == 2
    assert "CHIMERA_TEMPORAL_ADDRESS" in done.err


def test_a_data_folder_that_cannot_be_is_explained(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "file" / "home"))
    done = run("list")
    assert done.code == 1
    assert "CHIMERA_HOME" in done.err


def test_a_reader_that_goes_away_is_no_error(told: Path) -> None:
    """`chimera logs | head -1`: silent, as every command of a pipe is."""
    for form in ("table", "json"):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "chimera", "logs", "logo-8be2d0", "--looks", "-o", form],
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (141, b"")


def test_details_are_not_written_through_somebody_elses_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "cli-errors.log").symlink_to(mine)
    monkeypatch.setattr("chimera.cli.errors._log_folders", lambda: [folder])
    report(RuntimeError("bug"), ["status"])
    assert mine.read_text() == "precious"
