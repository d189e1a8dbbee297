"""The judge on real rollouts: real processes behind a real Envoy under real load, with faults."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
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
from chimera.demo.load import Load
from chimera.platforms.local.spawn import free_port

RATE = 60.0
LONGEST_S = 600.0
HEALTHY = "healthy"
FAULTS = ("errors10", "errors2", "slow2", HEALTHY)
# Faults that take minutes to find, or are not always found, are tried by several services at once.
SLOW_LANES = {"errors2": 2, "slow2": 3}
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

    responses: how many users got from the canary. decided_s: 0 unless rolled back. load: the
    machine's load average at its end, over one minute. rate: requests/s that were really sent.
    """

    fault: str
    ended: str
    decided_s: float
    responses: int
    load: float = 0.0
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class _Lane:
    app: Chimera
    spec: Spec
    load: Load
    fault: str


async def run(times: int, path: Path, faults: Sequence[str] = FAULTS) -> tuple[Repetition, ...]:
    """Deploy each kind of version until `times` repetitions are on record in `path`.

    One service per kind, several for those that take long, side by side. Whatever happened is kept
    and written at once: a run that broke off goes on.
    """
    found = list(read(path))
    missing = {fault: times - sum(one.fault == fault for one in found) for fault in faults}
    lanes = [
        fault for fault in faults for _ in range(SLOW_LANES.get(fault, 1)) if missing[fault] > 0
    ]

    def keep(one: Repetition) -> None:
        found.append(one)
        save(path, found)
        print(f"  {one}", file=sys.stderr, flush=True)

    with folder() as home:
        settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
        try:
            async with AsyncExitStack() as stack:
                app = await stack.enter_async_context(running(settings))
                opened = [await _open(stack, app, fault, n) for n, fault in enumerate(lanes)]
                await asyncio.gather(*(_drive(lane, missing, keep) for lane in opened))
        finally:
            await clear(settings)
    return tuple(found)


async def _open(stack: AsyncExitStack, app: Chimera, fault: str, number: int) -> _Lane:
    port = free_port()
    text = SPEC.format(
        service=f"{fault}-{number}", port=port, python=sys.executable, app=Path(practice.__file__)
    )
    spec = app.parse_spec(text)
    await until_over(
        app, await app.deploy(spec, version=f"{HEALTHY}-0", by="bench"), Phase.SUCCEEDED
    )
    load = await stack.enter_async_context(Load(port, rate=RATE))
    return _Lane(app, spec, load, fault)


async def _drive(lane: _Lane, missing: dict[str, int], keep: Callable[[Repetition], None]) -> None:
    while missing[lane.fault] > 0:
        number = missing[lane.fault]
        missing[lane.fault] -= 1
        one = await _repeat(lane, f"{lane.fault}-{number}")
        keep(one)
        if one.ended == Phase.SUCCEEDED and lane.fault != HEALTHY and missing[lane.fault] > 0:
            await _mend(lane, f"{HEALTHY}-{number}")


async def _mend(lane: _Lane, version: str) -> None:
    """Put a healthy version in place of a faulty one that went through, so that it is stable."""
    rollout = await lane.app.deploy(lane.spec, version=version, by="bench")
    await _end(lane.app, rollout.id)


async def _repeat(lane: _Lane, version: str) -> Repetition:
    app, tally = lane.app, lane.load.tally
    rollout = await app.deploy(lane.spec, version=version, by="bench")
    await _served(lane.load, version)
    first, sent = time.time(), tally.sent
    ended = await _end(app, rollout.id)
    lines = await app.lines(rollout.id)
    back = next((line.at for line in lines if line.phase is Phase.ROLLING_BACK), None)
    decided_s = back.timestamp() - first if back else 0.0
    rate = (tally.sent - sent) / max(time.time() - first, 1.0)
    responses, load = tally.revisions[version], os.getloadavg()[0]
    decided_s = max(decided_s, 0.0)
    return Repetition(lane.fault, ended, decided_s, responses, round(load, 1), round(rate, 1))


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
    """Read what `save` wrote; nothing where nothing was written yet."""
    if not path.exists():
        return ()
    return tuple(Repetition(**row) for row in json.loads(path.read_text()))
