"""A range leaves nothing behind, however it ends, and disturbs no other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.waiting import wait_until

from chimera.core.errors import ProviderRefused
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import build

SCRIPT = """
import json, sys, time
from chimera.sandbox import Sandbox
from chimera.sandbox.seed import build
with Sandbox() as box:
    stack = build(box.session(), tasks=1)
    url = box.wait_for_url(stack.front)
    print(json.dumps({"url": url, "home": str(box.home), "endpoint": box.endpoint}), flush=True)
    sys.stdin.read()
"""


def _children_of(group: str) -> list[str]:
    """List the processes that carry a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"RANGE={group}".encode() in environment and state != "Z":
            found.append(folder.name)
    return found


@pytest.mark.timeout(600)  # a program of its own, on a machine that may be busy
def test_nothing_is_left_of_a_killed_range() -> None:
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "RANGE": mark},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    told = json.loads(child.stdout.readline())
    # The range itself, one app, its sidecar, the gateway.
    assert len(_children_of(mark)) == 4
    child.send_signal(signal.SIGKILL)
    child.wait(30)
    wait_until(lambda: not _children_of(mark), within_s=90)
    child.stdout.close()
    child.stdin.close()
    shutil.rmtree(told["home"])


def _naming(words: str) -> list[str]:
    """List the processes whose command line has these words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if words.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_nothing_is_left_of_a_range_that_was_stopped() -> None:
    with Sandbox() as box:
        box.wait_for_url(build(box.session(), tasks=1).front)
        home = str(box.home)
        # The sidecar and the gateway: each is started from a file there.
        assert len(_naming(home)) == 2
    assert _naming(home) == []
    assert not Path(home).exists()


async def test_two_ranges_share_nothing() -> None:
    with ExitStack() as open_ranges:
        boxes = [open_ranges.enter_context(Sandbox()) for _ in range(2)]
        first, second = boxes
        build(first.session(), tasks=1, wait_s=0)
        assert first.account != second.account
        assert second.session().client("ecs").list_clusters()["clusterArns"] == []
        assert second.session().client("ecr").describe_repositories()["repositories"] == []
        build(second.session(), tasks=1)
        fronts = [box.wait_for_url("practice/logo-router") for box in boxes]
        assert len(set(fronts)) == 2


def test_a_taken_port_is_refused_and_leaves_nothing() -> None:
    with Sandbox() as box:
        port = int(box.endpoint.rpartition(":")[2])
        with pytest.raises(ProviderRefused, match=str(port)):
            Sandbox(Options(port=port)).start()
