"""One ledger of told rollouts for all, and a way to run a command as a shell would."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.scripted import Script, opener, record
from tests.support.stories import baking, promoted, rolled_back
from tests.support.terminal import utc

from chimera.app import operations
from chimera.app.settings import Settings
from chimera.cli.main import main
from chimera.store import open_store

__all__ = ["utc"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it, for a golden file."""
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the present schema, so that not every test must make it."""
    home = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        async with open_store(Settings(home).ledger_url):
            pass

    asyncio.run(make())
    return home


@pytest.fixture(scope="session")
def told_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a promoted, a rolled back and a live rollout of the logo service."""
    home = tmp_path_factory.mktemp("told")

    async def tell() -> None:
        async with open_store(Settings(home).ledger_url) as store:
            for story in (promoted(), rolled_back(), baking()):
                await record(store, story)

    asyncio.run(tell())
    return home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, utc: None, empty_ledger: Path) -> Path:
    """An empty data folder, and an environment that is the same everywhere."""
    folder = Path(shutil.copytree(empty_ledger, tmp_path / "home"))
    for name, value in {
        "CHIMERA_HOME": str(folder),
        "COLUMNS": "100",
        "TERM": "xterm-256color",
        "LOGNAME": "ada",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "CHIMERA_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def told(home: Path, told_ledger: Path) -> Path:
    """A data folder with the told ledger, this test's own."""
    return Path(shutil.copytree(told_ledger, home, dirs_exist_ok=True))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """What the engine does in this test."""
    script = Script()
    monkeypatch.setattr(operations, "open_chimera", opener(script))
    return script


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; nobody sits at its terminal."""

    def run_command(*args: str) -> Done:
        capsys.readouterr()
        code = main(args)
        seen = capsys.readouterr()
        return Done(code, seen.out, seen.err)

    return run_command
