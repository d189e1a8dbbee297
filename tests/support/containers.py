"""A Docker engine of the run's own, and a base image of Debian: nothing is pulled."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.eventually import eventually
from tests.support.postgres import binaries

ROOT = Path(__file__).parents[2]
NEEDED = ("dockerd", "docker", "docker-compose", "mmdebstrap")
PACKAGES = "python3,python3-venv,ca-certificates,tzdata"
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
CA = Path("/etc/ssl/certs/ca-certificates.crt")
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True)
class Docker:
    """A running engine. env: what its client needs."""

    env: Mapping[str, str] = field(repr=False)

    def run(self, *words: str, timeout: float = 600, env: Mapping[str, str] | None = None) -> str:
        """Run a command of the client; return what it printed, fail with all that it said."""
        done = self.try_to(*words, timeout=timeout, env=env)
        said = f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        assert done.returncode == 0, said
        return done.stdout

    def try_to(
        self, *words: str, timeout: float = 600, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=ROOT,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def build(self, tag: str, base: str, folder: Path = ROOT) -> None:
        """Build an image; host networking, since an engine of one's own may have no other."""
        # The old builder is in every engine; the new one needs a plug-in that Debian has not got.
        self.run(
            *("docker", "build", "--network", "host", "--quiet", "--tag", tag),
            *("--build-arg", f"BASE={base}", str(folder)),
            env={"DOCKER_BUILDKIT": "0"},
        )


_OF_LIBC = ("libc.", "libm.", "libdl.", "librt.", "libpthread.")  # as the base has them
# What the official image does with the same variables.
_POSTGRES = """\
#!/bin/sh
set -eu
export PATH={programs}:$PATH PGDATA=/tmp/data PGHOST=/tmp PGPASSWORD="$POSTGRES_PASSWORD"
printf %s "$POSTGRES_PASSWORD" > /tmp/password
initdb --username "$POSTGRES_USER" --pwfile /tmp/password --auth scram-sha-256 -E UTF8 --no-locale
echo "host all all all scram-sha-256" >> $PGDATA/pg_hba.conf
pg_ctl -w -o "-c listen_addresses= -k /tmp" start
createdb --username "$POSTGRES_USER" "$POSTGRES_DB"
pg_ctl -w stop
exec postgres -c listen_addresses=* -k /tmp
"""


@contextlib.contextmanager
def engine() -> Iterator[Docker]:
    """Run an engine until the end; skips where this machine cannot."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}; Debian: docker.io, docker-compose, mmdebstrap")
    if os.geteuid() != 0:
        pytest.skip("an engine of the run's own needs root")
    # Short: a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="dk-"))
    server = _start(folder)
    docker = Docker({**_without_ours(), "DOCKER_HOST": f"unix://{folder}/docker.sock"})
    try:
        asyncio.run(eventually(lambda: _answers(docker, server, folder), within_s=60, every_s=0.5))
        yield docker
    finally:
        _stop(docker, server)
        _remove(folder)


def import_base(docker: Docker, tag: str) -> None:
    """Make an image of a minimal Debian that trusts whom this machine trusts."""
    change = "ENV " + " ".join(f"{name}={CA}" for name in CA_VARIABLES)
    with tempfile.TemporaryFile() as said:
        # In half the time of debootstrap, which looks up each field of each package by a program.
        making = [
            *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"),
            *(f"--dpkgopt=path-exclude={left_out}" for left_out in LEFT_OUT),
            f"--customize-hook=copy-in {CA} {CA.parent}",
            *(_release(), "-"),
        ]
        with subprocess.Popen(making, stdout=subprocess.PIPE, stderr=said) as base:
            done = subprocess.run(
                ["docker", "import", "--change", change, "-", tag],
                stdin=base.stdout,
                env=dict(docker.env),
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
        said.seek(0)
        trouble = said.read().decode(errors="replace")[-4000:] + done.stderr
        assert (base.returncode, done.returncode) == (0, 0), trouble


def postgres_image(docker: Docker, tag: str, base: str, folder: Path) -> None:
    """Make an image of this machine's own PostgreSQL, which is started as the official one is."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL; Debian: postgresql")
    for part in (programs.parent, Path("/usr/share/postgresql")):
        shutil.copytree(part, folder / part.relative_to("/"), symlinks=False)
    used = subprocess.run(
        ["ldd", *(str(file) for file in programs.iterdir())],
        capture_output=True,
        text=True,
        check=True,
    )
    for library in map(Path, set(re.findall(r"=> (/\S+)", used.stdout))):
        if library.name.startswith(_OF_LIBC):
            continue
        to = folder / "usr/lib/chimera-test" / library.name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, to)
    (folder / "start").write_text(_POSTGRES.format(programs=programs))
    (folder / "start").chmod(0o755)
    (folder / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nCOPY . /\nUSER nobody\n"
        'ENV LD_LIBRARY_PATH=/usr/lib/chimera-test\nENTRYPOINT ["/start"]\n'
    )
    docker.build(tag, base, folder)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [
                "dockerd",
                *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
                *("--pidfile", str(folder / "pid"), "--host", f"unix://{folder}/docker.sock"),
            ],
            stdout=log,
            stderr=log,
        )


def _answers(docker: Docker, server: subprocess.Popen[bytes], folder: Path) -> bool:
    assert server.poll() is None, (folder / "log").read_text()[-4000:]
    return docker.try_to("docker", "info", timeout=30).returncode == 0


def _stop(docker: Docker, server: subprocess.Popen[bytes]) -> None:
    ids = docker.try_to("docker", "ps", "--all", "--quiet", timeout=30).stdout.split()
    if ids:
        docker.try_to("docker", "rm", "--force", "--volumes", *ids, timeout=120)
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(30)


def _remove(folder: Path) -> None:
    """Take what is still mounted off first, so that only our own folder is removed."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    inside = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{folder}/")]
    for place in sorted(inside, key=len, reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _release() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    named = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return named.get("VERSION_CODENAME", "bookworm").strip('"')


def _without_ours() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("CHIMERA_")}
