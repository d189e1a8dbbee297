"""A throw-away PostgreSQL server of the run's own, reached by a unix socket only."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

# One server per run: these tests share a worker.
on_postgres = pytest.mark.xdist_group("postgres")

PASSWORD = "s3cret:/@pass"
_USER = "chimera"


def binaries() -> Path | None:
    """Return the folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3])
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Server:
    """One cluster in a short folder; `start` and `stop` may alternate."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        output = self._folder / f"{program}.output"
        with output.open("a") as file:
            done = subprocess.run(
                [str(self._programs / program), "-D", str(self._data), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=60,
                check=False,
                **user,  # type: ignore[call-overload]
            )
        assert done.returncode == 0, output.read_text()

    def create(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
            shutil.chown(password, "postgres", "postgres")
        self._run(
            "initdb", "-U", _USER, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "-N"
        )

    def start(self) -> None:
        options = f"-F -c listen_addresses= -k {self._folder} -c max_connections=50"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self, database: str = "postgres", password: str = PASSWORD) -> sa.URL:
        return sa.URL.create(
            "postgresql+psycopg",
            username=_USER,
            password=password,
            database=database,
            query={"host": str(self._folder)},
        )

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self._folder),
            user=_USER,
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def schema(self) -> Iterator[sa.URL]:
        """Give a namespace of its own, which is much quicker made than a database."""
        name = f"t{secrets.token_hex(6)}"
        self.execute(f"CREATE SCHEMA {name}")
        try:
            yield self.url().update_query_dict({"options": f"-c search_path={name}"})
        finally:
            self.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = Server(programs, folder)
    try:
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
