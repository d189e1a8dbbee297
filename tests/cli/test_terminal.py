"""At a real terminal: questions, colours, and a Ctrl-C that leaves the rollout alone."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import Run
from tests.support.eventually import eventually
from tests.support.tty import ANSI, CTRL_C, Terminal

from chimera.app.lock import find_controller

SPEC = """\
version: 1
service: logo
target:
  platform: local
  command: '{python} -m http.server {{port}}'
  port: {port}
strategy: fast
"""
LIVE = ["status", "logo-8be2d0"]


@pytest.fixture
def short_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder whose unix sockets have short names, and a spec."""
    folder = Path(tempfile.mkdtemp(prefix="chm", dir="/tmp"))
    monkeypatch.setenv("CHIMERA_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)
    text = SPEC.format(python=sys.executable, port=free_port())
    (folder / "chimera.yaml").write_text(text)
    yield folder
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def chimera(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chimera", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.timeout(600)
async def test_leaving_a_rollout_does_not_stop_it(short_home: Path) -> None:
    installed = chimera("deploy", "--version", "1")
    assert installed.returncode == 0, installed.stderr
    with Terminal("deploy", "--version", "2", cwd=short_home) as terminal:
        terminal.expect("Start? [Y/n]")
        terminal.type("\n")
        terminal.expect("Ctrl-C leaves; the rollout goes on.")
        terminal.expect("Canary 2 gets 5 % of the traffic")
        terminal.type(CTRL_C)
        assert terminal.ended() == 5
        assert "comes back, chimera abort" in terminal.text
    left = json.loads(chimera("status", "-o", "json").stdout)
    assert left["state"]["phase"] in {"progressing", "paused"}, "without requests it pauses"
    with Terminal("abort", "--reason", "enough", cwd=short_home) as terminal:
        terminal.expect("Abort logo 2 at 5 %? All traffic returns to 1. [y/N]")
        terminal.type("maybe\n")
        terminal.expect("Please answer y or n.")
        terminal.type("y\n")
        assert terminal.ended() == 0
    with Terminal("status", "logo", "--watch", cwd=short_home) as terminal:
        assert terminal.ended() == 4
        assert "aborted at 5 %" in terminal.text
    gone = chimera("down", "logo", "--yes")
    assert gone.returncode == 0, gone.stderr
    home = short_home / "home"
    await eventually(lambda: find_controller(home) is None, within_s=90)


@pytest.mark.parametrize(("keys", "said"), [(CTRL_C, "Stopped before"), ("n\n", "Nothing was")])
def test_stopping_at_the_question_starts_nothing(short_home: Path, keys: str, said: str) -> None:
    with Terminal("deploy", "--version", "1", cwd=short_home) as terminal:
        terminal.expect("Start? [Y/n]")
        terminal.type(keys)
        assert terminal.ended() == 130
        assert said in terminal.text
    assert json.loads(chimera("history", "-o", "json").stdout) == []


def test_init_asks_three_questions_at_most(home: Path, tmp_path: Path) -> None:
    with Terminal("init", cwd=tmp_path) as terminal:
        terminal.expect("Service name [")
        terminal.type("shop\n")
        terminal.expect("Command that starts it, with {port} [")
        terminal.type("\n")
        terminal.expect("Port for its users [8080]")
        terminal.type("9001\n")
        assert terminal.ended() == 0
    spec = yaml.safe_load((tmp_path / "chimera.yaml").read_text())
    assert (spec["service"], spec["target"]["port"]) == ("shop", 9001)


def test_a_terminal_gets_colours(told: Path, tmp_path: Path) -> None:
    with Terminal(*LIVE, cwd=tmp_path) as terminal:
        assert terminal.ended() == 0
    assert "\x1b[1;31m" in terminal.raw
    assert "failed at 25 %" in terminal.text


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused(told: Path, tmp_path: Path, env: dict[str, str]) -> None:
    with Terminal(*LIVE, cwd=tmp_path, env=env) as terminal:
        assert terminal.ended() == 0
    assert not [code for code in ANSI.findall(terminal.raw) if "3" in code[3:] or "9" in code[3:]]
    assert "failed at 25 %" in terminal.text


def test_ci_draws_nothing_over_and_asks_nothing(told: Path, tmp_path: Path) -> None:
    with Terminal(*LIVE, "--watch", cwd=tmp_path, env={"CI": "true"}) as terminal:
        assert terminal.ended() == 3
    assert "\x1b[1A" not in terminal.raw
    with Terminal("abort", "logo", cwd=tmp_path, env={"CI": "true"}) as terminal:
        assert terminal.ended() == 2
    assert "--yes" in terminal.text


def test_a_wide_word_in_another_encoding_is_no_error(told: Path, run: Run, tmp_path: Path) -> None:
    with Terminal(*LIVE, cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"}) as terminal:
        assert terminal.ended() == 0
    assert "logo 2 -> 3" in terminal.text
    assert terminal.raw.isascii()
