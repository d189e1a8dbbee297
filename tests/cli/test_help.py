"""The help teaches, comes quickly, and the reference page says the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from chimera.cli.exits import MEANING, ExitCode
from chimera.cli.reference import _DATA, commands, render

ROOT = Path(__file__).parents[2]
HEAVY = (
    "temporalio",
    "sqlalchemy",
    "alembic",
    "grpc",
    "httpx",
    "yaml",
    "chimera.app",
    "chimera.core.spec",
)
ONLY_TO_ACT = ("temporalio", "grpc", "httpx", "chimera.engine.client", "chimera.engine.worker")
COMMANDS = dict(commands())
LOADED = f"""
import sys
from chimera.cli.main import main
code = main(sys.argv[1:])
found = [name for name in {HEAVY} if name in sys.modules]
sys.exit(f"imported: {{found}}" if found or code else 0)
"""


@pytest.mark.parametrize("args", [["--help"], ["deploy", "--help"], ["--version"], ["version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("args", [["list"], ["history"], ["status", "logo"], ["logs", "logo"]])
def test_looking_loads_neither_the_engine_nor_a_data_plane(told: Path, args: list[str]) -> None:
    """They answer at once although the controller's libraries take a second."""
    looked = LOADED.replace(str(HEAVY), str(ONLY_TO_ACT))
    done = subprocess.run(
        [sys.executable, "-c", looked, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "logo" in done.stdout or "Started" in done.stdout


def complete(line: str) -> subprocess.CompletedProcess[str]:
    """Ask as bash does when somebody types TAB at the end of the line."""
    asks = {"_CHIMERA_COMPLETE": "complete_bash", "COMP_WORDS": line}
    return subprocess.run(
        [Path(sys.executable).with_name("chimera")],
        env={**os.environ, **asks, "COMP_CWORD": str(line.count(" "))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_shell_completes_services_and_rollouts(told: Path) -> None:
    assert set(complete("chimera abort lo").stdout.split()) == {
        *("logo", "logo-51c77e", "logo-8be2d0", "logo-3f9a1c")
    }
    assert complete("chimera status logo-5").stdout.split() == ["logo-51c77e"]
    assert complete("chimera history lo").stdout.split() == ["logo"]


@pytest.mark.parametrize("broken", ["a folder", "no folder", "a wrong url", "a server"])
def test_a_completion_that_cannot_know_is_silent(
    home: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    if broken == "a folder":
        (home / "ledger.db").write_text("not a ledger")
    elif broken == "no folder":
        monkeypatch.setenv("CHIMERA_HOME", str(home / "missing"))
    elif broken == "a server":
        monkeypatch.setenv("CHIMERA_HOME", str(home / "missing"))
        monkeypatch.setenv("CHIMERA_SERVER", "http://127.0.0.1:9")
    else:
        monkeypatch.setenv("CHIMERA_DATABASE_URL", "nonsense")
    done = complete("chimera status lo")
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert not (home / "missing").exists()


def test_paragraphs_wrap_where_the_terminal_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = "a command that needs a controller starts one that ends by itself."
    assert said in run("up", "--help").out


def test_python_m_chimera_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chimera", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("chimera 0.")


def test_the_help_lists_every_exit_code(run: Run) -> None:
    shown = run("--help").out
    assert set(MEANING) == set(ExitCode)
    for meaning in MEANING.values():
        assert " ".join(meaning.split()) in " ".join(shown.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str) -> None:
    command = COMMANDS[name]
    first = command.help.splitlines()[0]
    assert first.endswith(".")
    assert len(first) < 70, "the list of commands shows it on one line"
    assert f"$ chimera {name}" in command.epilog
    assert all(parameter.help for parameter in command.params)


def test_every_command_that_returns_data_offers_every_form() -> None:
    with_output = {
        name
        for name, command in COMMANDS.items()
        if any("--output" in parameter.opts for parameter in command.params)
    }
    assert with_output == set(_DATA)


def test_the_reference_page_is_current() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text(encoding="utf-8") == render(), (
        "python -m chimera.cli.reference > docs/reference/cli.md"
    )


def test_a_narrow_terminal_gets_whole_words(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    done = run("status", "--help")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 50
