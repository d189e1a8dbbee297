"""The judge on real rollouts: real processes behind a real Envoy under real load, with faults."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from chimera.app.operations import Chimera
from chimera.app.settings import Settings
from chimera.bench.judge import practice
from chimera.bench.stage import clear, folder, running, until_over
from chimera.core.access import Role
from chimera.core.errors import ChimeraError
from chimera.core.spec import Spec
from chimera.core.state import Phase
from chimera.demo.interrupt import to_its_end
from chimera.demo.load import Load
from chimera.platforms.local.spawn import free_port

RATE = 60.0
LONGEST_S = 240.0
HEALTHY = "healthy"
FAULTS = ("errors10", "errors2", "slow2", HEALTHY)
SPEC = """\
version: 1
service: {service}
target:
  platform: local
  port: {port}
  command: ["{python}", "{app}", --port, "{{port}}", --version, "{{version}}"]
  health: /healthz
strategy: fast
scaleDownDelay: 1s
"""


@dataclass(frozen=True, slots=True)
class Repetition:
    """One real rollout. ended: its last phase. decided_s: from the canary's first response on.

    responses: how many users got from the canary. decided_s: 0 unless rolled back.
    """

    fault: str
    ended: str
    decided_s: float
    responses: int


@dataclass(frozen=True, slots=True)
class _Lane:
    app: Chimera
    spec: Spec
    load: Load
    fault: str


async def run(times: int, faults: Sequence[str] = FAULTS) -> tuple[Repetition, ...]:
    """Deploy each kind of version `times` times: one service per kind, side by side."""
    with folder() as home:
        settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
        try:
            async with AsyncExitStack() as stack:
                app = await stack.enter_async_context(running(settings))
                lanes = [await _open(stack, app, fault) for fault in faults]
                found = await asyncio.gather(*(_drive(lane, times) for lane in lanes))
        finally:
            await to_its_end(clear(settings))
    return tuple(one for several in found for one in several)


async def _open(stack: AsyncExitStack, app: Chimera, fault: str) -> _Lane:
    port = free_port()
    text = SPEC.format(service=fault, port=port, python=sys.executable, app=Path(practice.__file__))
    spec = app.parse_spec(text)
    await until_over(
        app, await app.deploy(spec, version=f"{HEALTHY}-0", by="bench"), Phase.SUCCEEDED
    )
    load = await stack.enter_async_context(Load(port, rate=RATE))
    return _Lane(app, spec, load, fault)


async def _drive(lane: _Lane, times: int) -> list[Repetition]:
    found = []
    for number in range(1, times + 1):
        found.append(await _repeat(lane, f"{lane.fault}-{number}"))
        print(f"  {found[-1]}", file=sys.stderr, flush=True)
        if found[-1].ended == Phase.SUCCEEDED and lane.fault != HEALTHY:
            await _mend(lane, f"{HEALTHY}-{number}")
    return found


async def _mend(lane: _Lane, version: str) -> None:
    """Put a healthy version in place of a faulty one that went through, so that it is stable."""
    rollout = await lane.app.deploy(lane.spec, version=version, by="bench")
    await _end(lane.app, rollout.id)


async def _repeat(lane: _Lane, version: str) -> Repetition:
    app, tally = lane.app, lane.load.tally
    rollout = await app.deploy(lane.spec, version=version, by="bench")
    await _served(lane.load, version)
    first = time.time()
    ended = await _end(app, rollout.id)
    lines = await app.lines(rollout.id)
    back = next((line.at for line in lines if line.phase is Phase.ROLLING_BACK), None)
    decided_s = back.timestamp() - first if back else 0.0
    return Repetition(lane.fault, ended, max(decided_s, 0.0), tally.revisions[version])


async def _served(load: Load, version: str) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not load.tally.revisions[version]:
        if time.monotonic() > deadline:
            raise ChimeraError(f"version {version} had no traffic within {LONGEST_S:.0f} s")
        await asyncio.sleep(0.005)


async def _end(app: Chimera, rollout_id: str) -> str:
    """Wait until a rollout is over; one that holds for too long is aborted."""
    try:
        async with asyncio.timeout(LONGEST_S):
            async for _ in app.follow(rollout_id):
                pass
    except TimeoutError:
        await app.request(rollout_id, "abort", by="bench", role=Role.ADMIN)
        async for _ in app.follow(rollout_id):
            pass
    return (await app.status(rollout_id)).state.phase.value


def save(path: Path, found: Sequence[Repetition]) -> None:
    """Write repetitions as JSON, one a line."""
    rows = ",\n".join(json.dumps(asdict(one)) for one in found)
    path.write_text(f"[\n{rows}\n]\n")


def read(path: Path) -> tuple[Repetition, ...]:
    """Read what `save` wrote."""
    return tuple(Repetition(**row) for row in json.loads(path.read_text()))
