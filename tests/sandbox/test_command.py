"""`chimera sandbox aws` at a terminal and in a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "chimera", "sandbox", "aws"]


@pytest.mark.timeout(600)  # two programs and a stack, on a machine that may be busy
def test_it_builds_a_stack_says_how_to_use_it_and_ends_at_sigterm() -> None:
    child = subprocess.Popen(
        [*COMMAND, "--seed", "alb", "-o", "json", "--held"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b".")  # it is to stay without its holder
    child.stdin.close()
    try:
        told = json.loads(child.stdout.readline())
        (stack,) = told["stacks"]
        assert told["env"]["AWS_ENDPOINT_URL"] == told["endpoint"]
        assert stack["target_group"].startswith("arn:aws:elasticloadbalancing:")
        with urllib.request.urlopen(stack["url"], timeout=10) as answer:
            assert answer.status == 200
        more = {**os.environ, **told["env"]}
        done = subprocess.run(
            [*COMMAND[:-1], "seed", "--service", "shop", "--tasks", "0"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env=more,
        )
        assert json.loads(done.stdout)["virtual_router"] == "shop-router"
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_one_that_is_held_ends_with_its_holder() -> None:
    holder = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE).wait()"
    held = [*COMMAND, "--held", "-o", "json"]
    parent = subprocess.Popen([sys.executable, "-c", holder, *held], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as said:
        told = json.loads(said.readline())
        parent.kill()
        parent.wait()
        assert said.read() == b""  # the range had it open, too
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{told['endpoint']}/_chimera/health", timeout=5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--seed", "lattice"], "lattice"),
        (["--image", "web"], "PATTERN=COMMAND"),
        (["--image", "web='"], "web"),
        (["--faults", "nowhere.yaml"], "nowhere.yaml"),
        (["-o", "xml"], "xml"),
        (["--port", "70000"], "65535"),
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(given: list[str], says: str) -> None:
    done = subprocess.run(
        [*COMMAND, *given], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9", "https://ecs.amazonaws.invalid"])
def test_a_stack_is_never_built_where_no_range_answers(endpoint: str) -> None:
    done = subprocess.run(
        [*COMMAND[:-1], "seed", "--endpoint", endpoint],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no practice range answers" in done.stderr


def test_help_is_there_without_the_extra(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "--seed" in done.stdout) == (0, True)
