"""A controller on AWS that is killed (SIGKILL) at every write: before it is sent, after its answer.

    python -m tests.support.aws_mortal '{"folder": ..., "platform": ...}'      (the fields of `Job`)

Each life is a process, forked from one that has loaded everything and knows nothing. What survives
is a store in SQLite, AWS, and a journal of the steps that are done and of the points of death.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from chimera.core.errors import ProviderUnavailable
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.platforms.aws.sites import CLIENTS
from chimera.sandbox.calls import is_write
from chimera.store import open_store
from chimera.store.store import sqlite_url

SOON = timedelta(seconds=5)
V1, V2 = Revision("v1"), Revision("v2")
PLATFORMS: dict[str, type[EcsAlbPlatform | EcsAppMeshPlatform]] = {
    "ecs-alb": EcsAlbPlatform,
    "ecs-appmesh": EcsAppMeshPlatform,
}
MOST_LIVES = 150
_AGAIN = 75


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a controller is to do: promote version v2 of a service, or take it back."""

    folder: str
    platform: str
    service: str
    settings: dict[str, Any]
    promote: bool = True

    @property
    def url(self) -> str:
        """Of the store that survives."""
        return sqlite_url(Path(self.folder) / "ledger.db")

    @property
    def journal(self) -> Path:
        """The file of what was done."""
        return Path(self.folder) / "journal"

    def note(self, *words: str) -> None:
        """Write a line that no death takes back."""
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(" ".join(words) + "\n")

    def noted(self) -> set[str]:
        """Return what was written."""
        return set(self.journal.read_text().splitlines()) if self.journal.exists() else set()


def lives(job: Job) -> set[str]:
    """Live until it is done; return the points of death, "step ecs CreateService sent"."""
    command = [sys.executable, "-m", "tests.support.aws_mortal", json.dumps(asdict(job))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=380)
    assert done.returncode == 0, done.stderr
    return {line.removeprefix("died ") for line in job.noted() if line.startswith("died ")}


def steps(
    job: Job, platform: EcsAlbPlatform | EcsAppMeshPlatform
) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Return the steps of a rollout, each as one activity of the engine does it."""
    service, fence = Service(job.service, job.platform, job.settings), Fence("r1", 1)
    orchestrator, router = platform.orchestrator, platform.router

    def shift(weight: int) -> Awaitable[None]:
        return router.set_weights(service, Split("v1", "v2", weight), fence, SOON)

    async def remove(revision: Revision) -> None:
        _, left = await orchestrator.remove(service, revision, fence)
        if left:
            raise ProviderUnavailable("aws", "remove", str(left))

    begin = [
        ("start", lambda: orchestrator.start(service, V2, None, fence)),
        ("shift-50", lambda: shift(50)),
    ]
    if not job.promote:
        return [
            *begin,
            ("restore", lambda: router.restore(service, V1, V2, fence)),
            ("drain", lambda: router.drain(service, V2, fence, SOON)),
            ("remove", lambda: remove(V2)),
        ]
    return [
        *begin,
        ("scale", lambda: orchestrator.scale_to_stable(service, V2, fence)),
        ("shift-100", lambda: shift(100)),
        ("commit", lambda: router.commit(service, V1, V2, fence, SOON)),
        ("drain", lambda: router.drain(service, V1, fence, SOON)),
        ("remove", lambda: remove(V1)),
    ]


async def live(job: Job) -> None:
    """Do what is left to do; die at each write where nobody has died yet."""
    noted, step = job.noted(), ""

    def hear(service: str, operation: str, moment: str) -> None:
        point = f"died {step} {service} {operation} {moment}"
        if is_write(operation) and point not in noted:
            job.note(point)
            os.kill(os.getpid(), signal.SIGKILL)

    async with open_store(job.url) as store:
        platform = PLATFORMS[job.platform](store.inventory, "")
        platform.accounts.hooks.append(hear)
        for step, work in steps(job, platform):  # `hear` tells where it died
            if f"done {step}" not in noted:
                await work()
                job.note("done", step)


def life(job: Job) -> int:
    """Live once; return how it ended, if it was not by a kill."""
    try:
        asyncio.run(live(job))
    except ProviderUnavailable:
        return _AGAIN  # as the engine does: once more, perhaps by another process
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


async def load(job: Job) -> None:
    """Make the store, and read once for all lives what takes long to read."""
    async with open_store(job.url) as store:
        accounts = PLATFORMS[job.platform](store.inventory, "").accounts
        await accounts.open(Identity(), *CLIENTS, "elbv2", "appmesh", "servicediscovery")
        accounts.close()


def main(job: Job) -> int:
    """Let one life follow another until all is done."""
    asyncio.run(load(job))
    for _ in range(MOST_LIVES):
        child = os.fork()
        if not child:
            os._exit(life(job))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code not in {-signal.SIGKILL, _AGAIN}:
            return code
    return _AGAIN


if __name__ == "__main__":
    sys.exit(main(Job(**json.loads(sys.argv[1]))))
