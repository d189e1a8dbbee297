"""The image and the compose files, for real: built, run, killed in the middle of a rollout."""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.support.containers import Docker, engine, import_base
from tests.support.eventually import eventually

pytestmark = [pytest.mark.timeout(1500), pytest.mark.xdist_group("docker")]

BASE, IMAGE = "chimera-test-base", "chimera-test"
NOBODY = 10001
DOWN = ("down", "--volumes", "--timeout", "20")


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """An engine with Chimera's image, built by the compose file's own Dockerfile."""
    with engine() as docker:
        import_base(docker, BASE, tmp_path_factory.mktemp("base"))
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
    yield from _up(docker, "compose.yaml", {})


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
