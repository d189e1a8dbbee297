"""The image and the compose files, for real: built, run, killed in the middle of a rollout.

One machine first, then the fleet on the same engine: PostgreSQL, Temporal, two pages, two workers.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.support.containers import ROOT, Docker, engine, import_base, postgres_image
from tests.support.eventually import eventually

pytestmark = [pytest.mark.timeout(1500), pytest.mark.xdist_group("docker")]

BASE, IMAGE, POSTGRES = "chimera-test-base", "chimera-test", "chimera-test-postgres"
ONE, FLEET = "compose.yaml", "compose.scale.yaml"
MOST_BYTES = 650_000_000  # beyond its base; Temporal and Envoy are half of it
PROXY = {"CHIMERA_TRUSTED_PROXY": "10.0.0.7", "CHIMERA_PUBLIC_URL": "https://chimera.example.com"}
KEYS = {"CHIMERA_SECRET_KEY": secrets.token_hex(32), "POSTGRES_PASSWORD": secrets.token_hex(16)}
NOBODY = 10001
DOWN = ("down", "--volumes", "--timeout", "20")


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """An engine with Chimera's image, built by the compose file's own Dockerfile."""
    with engine() as docker:
        import_base(docker, BASE)
        docker.build(IMAGE, BASE)
        yield docker


@dataclass(frozen=True)
class Stack:
    """What a compose file started, and its page as a browser would use it."""

    docker: Docker
    file: str
    env: dict[str, str]

    def words(self, *words: str) -> tuple[str, ...]:
        return ("docker-compose", "--file", self.file, *words)

    def compose(self, *words: str) -> str:
        return self.docker.run(*self.words(*words), env=self.env, timeout=300)

    def address(self, service: str, index: int = 1) -> str:
        return self.compose("port", "--index", str(index), service, "8470").strip()

    async def link(self, service: str) -> str:
        """Return the code of a newest one-time link that the logs show."""
        found = await eventually(lambda: self._codes(service), within_s=180, every_s=1)
        return found[-1]

    def _codes(self, service: str) -> list[str]:
        return re.findall(r"/sign-in#(\S+)", self.compose("logs", "--no-color", service))


@dataclass
class Person:
    """Somebody with a browser. A cookie that was given stays."""

    client: httpx.Client
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> httpx.Response:
        answer = self.client.get(path, headers={"accept": "text/html"})
        found = re.search(r'<meta name="csrf" content="([^"]+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer

    def post(self, path: str, **form: str) -> httpx.Response:
        origin = str(self.client.base_url).rstrip("/")
        headers = {"accept": "text/html", "origin": origin}
        return self.client.post(path, data={"csrf": self.csrf, **form}, headers=headers)

    def sign_in(self, code: str) -> None:
        assert "Sign in" in self.get("/").text, "nobody is let in without signing in"
        self.post("/sign-in", code=code)
        assert "New rollout" in self.get("/").text

    def rollout(self, ref: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1/rollouts/{ref}").raise_for_status().json()
        return found

    def phase(self, ref: str) -> str:
        return str(self.rollout(ref)["state"]["phase"])


@pytest.fixture
def person() -> Iterator[Person]:
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        yield Person(client)


@pytest.fixture
def stack(docker: Docker) -> Iterator[Stack]:
    yield from _up(docker, ONE, {})


@pytest.fixture
def fleet(docker: Docker, tmp_path: Path) -> Iterator[Stack]:
    postgres_image(docker, POSTGRES, BASE, tmp_path)
    scaled = ("--scale", "web=2", "--scale", "worker=2")
    yield from _up(docker, FLEET, {**KEYS, "POSTGRES_IMAGE": POSTGRES}, *scaled)


def _up(docker: Docker, file: str, env: dict[str, str], *options: str) -> Iterator[Stack]:
    port = _free_port()
    named = {
        "COMPOSE_PROJECT_NAME": f"chimera{port}",
        "CHIMERA_IMAGE": IMAGE,
        "CHIMERA_BASE": BASE,
        "CHIMERA_PORT": str(port),
    }
    made = Stack(docker, file, {**named, **env})
    try:
        made.compose("up", "--detach", "--no-build", *options)
        yield made
    finally:
        docker.try_to(*made.words(*DOWN), env=made.env)


@pytest.mark.parametrize("files", [(ONE,), (FLEET,), (ONE, FLEET)], ids="+".join)
def test_the_files_are_valid_and_pass_on_what_they_say(files: tuple[str, ...]) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("no docker-compose; Debian: docker-compose")
    named = [word for file in files for word in ("--file", file)]
    done = subprocess.run(
        ["docker-compose", *named, "config"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **PROXY, **KEYS},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    for name in {"chimera", "web"} & set(services):
        given = services[name]["environment"]
        assert {key: given[key] for key in PROXY} == PROXY
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])


def test_the_image_is_small(docker: Docker) -> None:
    image, base = (
        int(docker.run("docker", "image", "inspect", "--format", "{{.Size}}", name))
        for name in (IMAGE, BASE)
    )
    assert image - base < MOST_BYTES


async def test_a_rollout_outlives_its_container(stack: Stack, person: Person) -> None:
    """One test for all: the image is built once, whoever runs it."""
    person.client.base_url = httpx.URL(f"http://{_local(stack)}")
    await _ready(person)
    person.sign_in(await stack.link("chimera"))
    person.post("/practice")
    rollout = _deploy(person, "2")
    await eventually(lambda: person.rollout(rollout)["state"]["weight"] > 0, within_s=60)
    stack.compose("kill", "--signal", "SIGKILL")
    stack.compose("up", "--detach", "--no-build")
    await _ready(person)
    # The session, the ledger and what was under way are on the volume.
    await eventually(lambda: _settled(person.phase(rollout)), within_s=180, every_s=1)
    assert person.phase(rollout) in {"retiring", "succeeded"}, person.rollout(rollout)["headline"]
    verified = stack.compose("exec", "-T", "chimera", "chimera", "audit", "verify")
    assert "as it was written" in verified
    assert person.post("/practice/end").status_code == httpx.codes.OK
    await _runs_as_nobody_and_writes_to_its_volume_alone(stack)


async def test_a_fleet_shares_one_ledger_and_offers_no_single_machine(
    fleet: Stack, person: Person
) -> None:
    first, second = (f"http://{fleet.address('web', index)}" for index in (1, 2))
    person.client.base_url = httpx.URL(second)
    await _ready(person)
    person.client.base_url = httpx.URL(first)
    await _ready(person)
    person.sign_in(await fleet.link("web"))
    person.client.base_url = httpx.URL(second)  # the session and the draft are known there too
    asked = person.get("/new")
    assert "Several workers may share the engine at temporal:7233" in asked.text
    draft = str(asked.url).rsplit("/", 1)[0].removeprefix(second)
    refused = person.post(f"{draft}/where", platform="local")
    assert "nothing can run on this machine" in refused.text
    assert person.post("/practice").status_code == httpx.codes.CONFLICT
    await eventually(lambda: len(_pollers(fleet)) == 2, within_s=120, every_s=1)


def _pollers(fleet: Stack) -> set[str]:
    """Return who works on the task queue, as the Temporal service tells it."""
    asked = ("temporal", "task-queue", "describe", "--task-queue", "chimera", "-o", "json")
    said = fleet.compose("exec", "-T", "temporal", *asked, "--namespace", "chimera")
    return {one["identity"] for one in json.loads(said)["pollers"] or ()}


async def _runs_as_nobody_and_writes_to_its_volume_alone(stack: Stack) -> None:
    container = stack.compose("ps", "--quiet", "chimera").strip()
    await eventually(lambda: _health(stack.docker, container) == "healthy", within_s=120, every_s=1)
    assert stack.compose("exec", "-T", "chimera", "id", "--user").strip() == str(NOBODY)
    touched = stack.docker.try_to(
        *stack.words("exec", "-T", "chimera", "touch", "/opt/x"), env=stack.env
    )
    assert "Read-only file system" in touched.stderr + touched.stdout


def _deploy(person: Person, version: str) -> str:
    """Answer the wizard for the practice service; return the rollout's id."""
    asked = person.get("/new?service=practice-logo")
    draft = str(asked.url).rsplit("/", 1)[0]
    assert "Which version is new?" in asked.text
    person.post(f"{draft}/version", version=version)
    person.post(f"{draft}/limits", strategy="fast", error_rate="1%", latency_p95="1s")
    started = person.post(f"{draft}/review")
    assert "/rollouts/" in str(started.url), started.text
    return str(started.url).rsplit("/", 1)[1]


def _settled(phase: str) -> bool:
    return phase in {"retiring", "succeeded", "rolled_back", "aborted", "paused"}


def _local(stack: Stack) -> str:
    return f"127.0.0.1:{stack.env['CHIMERA_PORT']}"


async def _ready(person: Person) -> None:
    def answers() -> bool:
        try:
            return person.client.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    await eventually(answers, within_s=180, every_s=1)


def _health(docker: Docker, container: str) -> str:
    form = "{{.State.Health.Status}}"
    return docker.run("docker", "inspect", "--format", form, container).strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
