"""Every example is read and planned; some are deployed for real, with shorter bakes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.pages import ROOT

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/chimera.yaml"))
BAKE = "1200ms"

pytestmark = pytest.mark.xdist_group("examples")


class Shell:
    """Runs `chimera` on a data folder of its own, as a pipeline would."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._env = {**os.environ, "CHIMERA_HOME": str(home), "CI": "true", "NO_COLOR": "1"}

    def start(self, *args: str | Path) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, "-m", "chimera", *map(str, args)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self._env, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *args: str | Path, code: int = 0) -> str:
        """Run a command to its end, expect its exit code and return its data."""
        with self.start(*args) as process:
            try:
                out, said = process.communicate(timeout=90)
            finally:
                process.kill()
        assert process.returncode == code, f"{args}: {process.returncode}\n{out}{said}"
        return out

    def clear(self) -> None:
        """End what a failed test has left open, and take every service down."""
        for service in json.loads(self("list", "-o", "json")):
            if service["live"]:
                self("abort", service["live"], "--yes")
                self("status", service["live"], "--watch", code=4)
            self("down", service["name"], "--yes")

    async def during(self, load: Load, *args: str | Path, code: int = 0) -> str:
        """Run a command once the load is under way."""
        await eventually(lambda: load.tally.answered > 20)
        return await asyncio.to_thread(self, *args, code=code)


@pytest.fixture(scope="module")
def chimera() -> Iterator[Shell]:
    """One controller for all examples; at the end every service is taken down."""
    with tempfile.TemporaryDirectory(prefix="cx-", ignore_cleanup_errors=True) as folder:
        shell = Shell(Path(folder))
        with shell.start("up", "--quiet") as controller:
            try:
                yield shell
            finally:
                try:
                    shell.clear()
                finally:
                    controller.terminate()


def hurried(name: str, tmp_path: Path) -> tuple[Path, int]:
    """Copy an example, with a free port and short bakes; return the spec and the port."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    folder = tmp_path / "examples" / name
    spec: dict[str, Any] = yaml.safe_load((folder / "chimera.yaml").read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    if spec["target"]["platform"] == "local":
        spec["target"]["port"] = port
    spec["steps"] = [{"setWeight": 50, "bake": BAKE}, {"setWeight": 100, "bake": BAKE}]
    spec["scaleDownDelay"] = "0s"
    if "latency" not in name:  # so short a bake cannot compare two versions
        short = ("errorRate", "latencyP50", "latencyP95", "latencyP99")
        spec = {key: value for key, value in spec.items() if key not in short}
        limits = [{"name": "errorRate", "max": "2%"}, {"name": "latencyP99", "max": "10s"}]
        spec["analysis"] = {"metrics": limits}
    file = folder / "hurried.yaml"
    file.write_text(yaml.safe_dump(spec))
    return file, port


def ending(chimera: Shell, service: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(chimera("status", service, "-o", "json"))["state"]
    return state


def test_there_are_examples_and_the_list_names_them_all() -> None:
    page = (ROOT / "examples/README.md").read_text()
    assert len(EXAMPLES) >= 6
    assert all(f"({folder.name}/chimera.yaml)" in page for folder in EXAMPLES)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_each_example_can_be_planned(folder: Path, tmp_path: Path) -> None:
    chimera = Shell(tmp_path / "home")
    plan = json.loads(chimera("plan", folder, "--version", "1", "-o", "json"))
    assert plan["first"]
    assert plan["changes"]
    limits = plan["rollout"]["plan"]["analysis"]["limits"]
    assert "error_rate" in {limit["metric"] for limit in limits}


async def test_hello_is_installed_promoted_and_taken_back(chimera: Shell, tmp_path: Path) -> None:
    spec, port = hurried("01-hello", tmp_path)
    chimera("deploy", spec, "--version", "1")
    async with Load(port, rate=100) as load:
        await chimera.during(load, "deploy", spec, "--version", "2")
        assert not load.tally.failures
        await chimera.during(load, "deploy", spec, "--version", "3-broken", code=3)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/")
    assert answer.text == "hello from version 2\n"
    assert ending(chimera, "hello")["phase"] == "rolled_back"
    assert "unhealthy" in chimera("logs", "hello", "--looks")


async def test_a_version_that_is_too_slow_is_taken_back(chimera: Shell, tmp_path: Path) -> None:
    spec, port = hurried("03-latency-limit", tmp_path)
    chimera("deploy", spec, "--version", "1")
    async with Load(port, rate=100) as load:
        await chimera.during(load, "deploy", spec, "--version", "2", code=3)
        assert not load.tally.failures
    assert "latency" in ending(chimera, "prompt")["reason"]


async def test_a_folder_per_release_with_environment_and_replicas(
    chimera: Shell, tmp_path: Path
) -> None:
    spec, port = hurried("05-your-own-command", tmp_path)
    chimera("deploy", spec, "--version", "1.0")
    async with Load(port, rate=100) as load:
        await chimera.during(load, "deploy", spec, "--version", "1.1")
        assert not load.tally.failures
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/")
    assert answer.text == "release 1.1\n"


def test_the_simulation_promotes_the_good_and_takes_back_the_bad(
    chimera: Shell, tmp_path: Path
) -> None:
    spec, _ = hurried("06-simulated", tmp_path)
    chimera("deploy", spec, "--version", "1")
    chimera("deploy", spec, "--version", "2")
    chimera("deploy", spec, "--version", "3", code=3)
    assert ending(chimera, "trial")["phase"] == "rolled_back"
