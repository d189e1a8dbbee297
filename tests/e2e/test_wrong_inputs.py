"""Commands that cannot work as given: an exit code, a sentence, a next step; nothing is started."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.history import fill
from tests.support.house import House

from chimera.store import migrations, open_store

LEDGER = "home/ledger.db"


@dataclass(frozen=True)
class Case:
    """A mistake. before: makes it, in the folder. made: there is a ledger, of an earlier time."""

    args: tuple[str, ...]
    code: int
    words: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    before: Callable[[Path], object] = lambda _: None
    made: bool = False


def files(**texts: bytes) -> Callable[[Path], object]:
    return lambda folder: [(folder / name).write_bytes(text) for name, text in texts.items()]


def without_spec(folder: Path) -> None:
    (folder / "chimera.yaml").unlink()


def damage(folder: Path) -> None:
    ledger = folder / LEDGER
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))


def newer(folder: Path) -> None:
    with closing(sqlite3.connect(folder / LEDGER)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")


def folder_in_its_place(folder: Path) -> None:
    for file in folder.glob(f"{LEDGER}*"):
        file.unlink()
    (folder / LEDGER).mkdir()


DEPLOY = ("deploy", "--version", "1")
NOWHERE = "127.0.0.1:9"
CASES = {
    "spec missing": Case(("deploy", "nowhere.yaml", "--version", "1"), 2, ("nowhere.yaml", "init")),
    "no spec here": Case(DEPLOY, 2, ("chimera.yaml", "init"), before=without_spec),
    "a folder as spec": Case(
        ("deploy", "./some/", "--version", "1"),
        2,
        ("./some/: Is a directory", "Next: "),
        before=lambda folder: (folder / "some").mkdir(),
    ),
    "a binary as spec": Case(
        ("deploy", "a.yaml", "--version", "1"),
        2,
        ("a.yaml", "not UTF-8"),
        before=files(**{"a.yaml": b"\x7fELF\x00\xff\xfe"}),
    ),
    "a zero byte in the spec": Case(
        ("deploy", "a.yaml", "--version", "1"),
        2,
        ("a.yaml",),
        before=files(**{"a.yaml": b"version: 1\x00\n"}),
    ),
    "a spec of 1 MB": Case(
        ("deploy", "a.yaml", "--version", "1"),
        2,
        ("256 KB",),
        before=files(**{"a.yaml": b"# " + b"x" * 1_000_000}),
    ),
    "an empty spec": Case(
        ("plan", "a.yaml", "--version", "1"), 2, ("a.yaml",), before=files(**{"a.yaml": b""})
    ),
    "no version": Case(("deploy",), 2, ("--version",)),
    "a wrong version": Case(("deploy", "--version", "a b\n"), 2, ("Next: ",)),
    "two ways to stay": Case((*DEPLOY, "--wait", "--detach"), 2, ("choose one",)),
    "a wrong time": Case((*DEPLOY, "--timeout", "10"), 2, ("10",)),
    "an unknown rollout": Case(("status", "nobody"), 2, ("nobody", "Next: ")),
    "an unknown service": Case(("down", "nobody", "--yes"), 2, ("nobody",)),
    "nothing to abort": Case(("abort", "--yes"), 2, ("no rollout yet", "chimera deploy")),
    "no plan": Case(("deploy", "--plan", "none.json"), 2, ("none.json",)),
    "a wrong plan": Case(
        ("deploy", "--plan", "p.json"), 2, ("p.json",), before=files(**{"p.json": b"{"})
    ),
    "Temporal is nowhere": Case(
        DEPLOY, 1, (NOWHERE, "Next: "), env={"CHIMERA_TEMPORAL_ADDRESS": NOWHERE}
    ),
    "an address without a port": Case(
        DEPLOY, 2, ("CHIMERA_TEMPORAL_ADDRESS", "host:port"), {"CHIMERA_TEMPORAL_ADDRESS": "here"}
    ),
    "TLS of a wrong kind": Case(
        ("list",), 2, ("CHIMERA_TEMPORAL_TLS",), env={"CHIMERA_TEMPORAL_TLS": "perhaps"}
    ),
    "no such binary": Case(
        DEPLOY, 1, ("/no/temporal", "Next: "), env={"CHIMERA_TEMPORAL_BINARY": "/no/temporal"}
    ),
    "a wrong database": Case(
        ("list",),
        1,
        ("mysql", "sqlite:///"),
        env={"CHIMERA_DATABASE_URL": "mysql://root:secret@h/d"},
    ),
    "no such PostgreSQL": Case(
        ("list",),
        1,
        ("Next: ",),
        env={"CHIMERA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:9/d"},
    ),
    "the data folder is a file": Case(
        ("list",), 1, ("data folder", "CHIMERA_HOME"), before=files(home=b"")
    ),
    "the data folder cannot be made": Case(
        DEPLOY, 1, ("/proc/chimera", "CHIMERA_HOME"), env={"CHIMERA_HOME": "/proc/chimera"}
    ),
    "a ledger of a newer Chimera": Case(DEPLOY, 1, ("0099", "or newer"), before=newer, made=True),
    "a ledger that is text": Case(
        DEPLOY,
        1,
        ("not a database",),
        before=lambda f: (f / LEDGER).write_text("x" * 999),
        made=True,
    ),
    "a damaged ledger": Case(("list",), 1, ("malformed", "backup"), before=damage, made=True),
    "a folder as ledger": Case(DEPLOY, 1, ("Next: ",), before=folder_in_its_place, made=True),
}


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a rollout in it, to be damaged."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> None:
        async with open_store(f"sqlite:///{folder / 'ledger.db'}") as store:
            await fill(store)

    asyncio.run(make())
    return folder


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_with_a_next_step(house: House, name: str, ledger: Path) -> None:
    case = CASES[name]
    if case.made:
        shutil.copytree(ledger, house.home)
    case.before(house.folder)
    done = await house.run(*case.args, code=case.code, env=case.env)
    said = " ".join((done.err + done.out).split())
    missing = [words for words in case.words if words not in said]
    assert not missing, said
    assert done.err.startswith(("error: ", "Usage", "no ")), said
    assert "secret" not in said
    assert house.running() == {}  # no controller, no server, nothing
    assert house.starts() == []


async def test_an_older_ledger_is_migrated_after_a_backup(house: House, ledger: Path) -> None:
    shutil.copytree(ledger, house.home)
    engine = sa.create_engine(f"sqlite:///{house.home / 'ledger.db'}")
    with engine.begin() as connection:
        migrations.downgrade(connection, "0001")
    engine.dispose()
    done = await house.run("history", "-o", "json")
    assert [row["rollout"]["id"] for row in done.data] == ["r1"]
    (backup,) = house.home.glob("*.bak")
    assert backup.name in done.err
    assert (await house.run("audit", "verify")).code == 0
