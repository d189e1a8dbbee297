"""The whole product in a house of its own: the commands as a person types them, all of it real.

A house is a data folder, a spec and a service. Everything that it starts, however deep, carries its
mark in the environment, so that a test can see what runs and nothing outlives it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.support import nursery
from tests.support.eventually import eventually
from tests.support.marked import MARK, carriers, command_of, front_port
from tests.support.nursery import Child, Command

from chimera.app import reading
from chimera.app.lock import find_controller
from chimera.app.reports import Line, RolloutView
from chimera.core.model import Resource
from chimera.core.state import Phase
from chimera.store import open_store

APP = Path(__file__).with_name("webapp.py")
SERVICE = "web"
PATIENCE_S = 120.0
STEPS = ({"setWeight": 20, "bake": "1s"}, {"setWeight": 50, "bake": "1s"})


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What `-o json` wrote."""
        return json.loads(self.out)


@dataclass
class House:
    """home: CHIMERA_HOME. folder: where the commands are typed. env: what they see besides."""

    folder: Path
    env: dict[str, str]
    port: int = field(default_factory=front_port)
    said: str = ""  # the last controller's words
    _kept: Command | None = None  # the controller that installed, until somebody wants one
    _started: list[Command] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The data folder."""
        return Path(self.env["CHIMERA_HOME"])

    @property
    def ledger_url(self) -> str:
        """Where the ledger is."""
        return self.env.get("CHIMERA_DATABASE_URL") or f"sqlite:///{self.home / 'ledger.db'}"

    def write_spec(self, name: str = "chimera.yaml", **changes: Any) -> str:
        """Write a spec that is over in seconds, with `changes`; return the file's name.

        faults: which versions fail and how, as `webapp.py` says. target: changes of the target.
        What is None is left to Chimera's default.
        """
        faults = changes.pop("faults", "")
        target = {
            "platform": "local",
            "port": self.port,
            "command": [sys.executable, str(APP), "{port}", "{version}", faults],
            "health": "/healthz",
            "env": {"STARTS": str(self.folder / "starts")},
            **changes.pop("target", {}),
        }
        spec = {
            "version": 1,
            "service": SERVICE,
            "target": target,
            "strategy": "fast",
            "steps": [*STEPS, {"setWeight": 100, "bake": "1s"}],
            "analysis": {
                "interval": "500ms",
                "metrics": [
                    {"name": "errorRate", "max": "5%", "minRequests": 20},
                    {"name": "latencyP99", "max": "30s", "minRequests": 20},  # machines are slow
                ],
                "noDataDeadline": "60s",
                "harmBudget": "50%",  # a test has no time to rule out less, nor for cold starts
                "warmUp": "500ms",
            },
            "progressDeadline": "5m",
            "scaleDownDelay": "0s",
            "lease": "15s",
            **changes,
        }
        said = {name: value for name, value in spec.items() if value is not None}
        (self.folder / name).write_text(yaml.safe_dump(said, sort_keys=False))
        return name

    async def start(self, *args: str, env: Mapping[str, str] | None = None) -> Command:
        """Start a command and leave it alone."""
        seen = {**self.env, **(env or {})}
        self._started.append(await nursery.start("chimera", *args, cwd=self.folder, env=seen))
        return self._started[-1]

    def close(self) -> None:
        """Listen no more to what still runs."""
        for command in self._started:
            command.close()

    async def run(
        self, *args: str, code: int | None = 0, env: Mapping[str, str] | None = None
    ) -> Done:
        """Run a command to its end; it must end with `code` and never with a traceback."""
        process = await self.start(*args, env=env)
        done = await ended(process)
        said = f"{' '.join(args)} ended with {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.out + done.err, said
        assert code is None or done.code == code, said
        return done

    async def install(self, version: str = "1") -> None:
        """Let the service serve its first version; the controller for it stays, for `up`."""
        if find_controller(self.home) is None:
            self._kept = await self.start("up")
            await self.ready(self._kept)
        await self.run("deploy", "--version", version, "--wait")

    async def deploy(self, version: str, *args: str) -> str:
        """Start a rollout and leave; return its id."""
        done = await self.run("deploy", "--version", version, "--detach", *args)
        return done.out.strip()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Command]:
        """Run the controller in the foreground while the block lasts."""
        process, self._kept = self._kept, None
        if process is None or process.returncode is not None:
            await self.alone()
            process = await self.start("up")
        try:
            await self.ready(process)
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            self.said = (await ended(process)).err
            assert "Traceback" not in self.said, self.said

    async def alone(self) -> None:
        """End the controller that installed, or that a command started, if it is still there."""
        found = find_controller(self.home)
        if found is not None and found.pid:
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)
        await eventually(lambda: find_controller(self.home) is None, within_s=PATIENCE_S)
        if self._kept is not None:
            await self._kept.wait()

    async def ready(self, process: Child) -> None:
        """Wait until a controller takes work."""

        def there() -> bool:
            assert process.returncode is None, "the controller ended"
            found = find_controller(self.home)
            return found is not None and found.ready and found.pid == process.pid

        await eventually(there, within_s=PATIENCE_S)

    async def view(self, ref: str = SERVICE) -> RolloutView:
        """Where a rollout stands, from the ledger."""
        async with open_store(self.ledger_url) as store:
            return reading.view(await reading.resolve(store, ref))

    async def until(
        self,
        true: Callable[[RolloutView], object],
        ref: str = SERVICE,
        within_s: float = PATIENCE_S,
    ) -> RolloutView:
        """Wait until something is true of a rollout."""
        async with open_store(self.ledger_url) as store:
            deadline = asyncio.get_running_loop().time() + within_s
            while True:
                view = reading.view(await reading.resolve(store, ref))
                if true(view):
                    return view
                if view.state.over or asyncio.get_running_loop().time() > deadline:
                    raise AssertionError(f"not so within {within_s:g} s: {view.state}")
                await asyncio.sleep(0.15)

    async def reach(self, *phases: Phase, ref: str = SERVICE) -> RolloutView:
        """Wait until a rollout is in one of these phases."""
        return await self.until(lambda view: view.state.phase in phases, ref)

    async def holds(self, weight: int, ref: str = SERVICE) -> RolloutView:
        """Wait until a rollout waits for a person at this weight."""
        held = {Phase.AWAITING_APPROVAL, Phase.PAUSED}
        return await self.until(
            lambda view: view.state.phase in held and view.state.weight == weight, ref
        )

    async def bakes(self, weight: int, ref: str = SERVICE) -> RolloutView:
        """Wait until a canary is watched at this weight."""

        def so(view: RolloutView) -> bool:
            work = view.state.work
            return work is not None and work.kind == "watch" and view.state.weight == weight

        return await self.until(so, ref)

    async def lines(self, ref: str = SERVICE) -> Sequence[Line]:
        """A rollout's events."""
        async with open_store(self.ledger_url) as store:
            row = await reading.resolve(store, ref)
            return [reading.line(one) for one in await store.events(row.id)]

    async def inventory(self, **chosen: str) -> tuple[Resource, ...]:
        """What the ledger says was made and not removed."""
        async with open_store(self.ledger_url) as store:
            return await store.inventory.find(**chosen)

    async def pids(self, revision: str = "", kind: str = "process") -> list[int]:
        """The processes of a revision, as the ledger knows them."""
        found = await self.inventory(kind=kind, revision=revision)
        return sorted(int(one.detail["pid"]) for one in found)

    def running(self, *words: str) -> dict[int, str]:
        """Every live process of this house whose command line has all the words, by pid."""
        return {
            pid: line
            for pid in carriers(self.env[MARK])
            if (line := command_of(pid)) and all(word in line for word in words)
        }

    def starts(self) -> list[str]:
        """The version of every process that was ever started here, in order."""
        file = self.folder / "starts"
        return file.read_text().split() if file.exists() else []

    def replicas(self) -> list[str]:
        """The versions that run, one per process, from /proc alone."""
        return sorted(
            line.split(str(APP))[1].split()[1] for line in self.running(str(APP)).values()
        )

    def routes(self) -> dict[str, bytes]:
        """The data plane's files, by name."""
        folder = self.home / "platforms" / "local" / "services" / SERVICE / "xds"
        return {file.name: file.read_bytes() for file in sorted(folder.glob("*.json"))}

    async def nothing_left(self) -> None:
        """Fail unless the service and all that ran for it is gone."""
        assert await self.inventory() == ()
        await eventually(lambda: not self.running(str(APP)) and not self.running("envoy"))
        assert not list((self.home / "platforms" / "local" / "services").glob("*"))


async def ended(process: Command, within_s: float = PATIENCE_S) -> Done:
    """Wait for a command's end."""
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"no end within {within_s:g} s: {out!r} {err!r}") from None
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def house(**spec: Any) -> AsyncIterator[House]:
    """Open a house; at the end every process that came from it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="chm-", dir="/tmp"))
    mark = uuid.uuid4().hex
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHIMERA_H")}
    ours = {"CHIMERA_HOME": str(folder / "home"), "CHIMERA_LISTEN": "127.0.0.1:0", "CI": "1"}
    opened = House(folder, {**kept, MARK: mark, "XDG_CONFIG_HOME": str(folder / "config"), **ours})
    opened.write_spec(**spec)
    try:
        yield opened
    finally:
        while left := carriers(mark):  # one that is killed may just have started another
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
        opened.close()
        shutil.rmtree(folder, ignore_errors=True)
