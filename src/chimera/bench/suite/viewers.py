"""What 20 viewers of one rollout cost the server, and how soon a look reaches their page."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx

from chimera.app.access import Access, open_access
from chimera.app.settings import Settings
from chimera.bench.processes import cores, usage
from chimera.bench.report import Bench, Figure, Report, quantile
from chimera.bench.stage import folder
from chimera.core import events as e
from chimera.core.analysis import judge
from chimera.core.errors import EngineError
from chimera.core.explain import explain
from chimera.core.model import Look, Revision, Service, Tally
from chimera.core.plan import AnalysisPlan, Limit, Rollout, RolloutPlan, Step
from chimera.core.rollout import advance
from chimera.core.state import State
from chimera.ports.ledger import Entry, LookRecord
from chimera.store import Store, open_store

VIEWERS = 20
LOOKS = 60
SETTLE_S = 2.0
PATIENCE_S = 60.0
ID = "bench-1"
BOUNDS_MS = (10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
PLAN = RolloutPlan(
    steps=(Step(10, timedelta(hours=1)), Step(100, timedelta(minutes=1))),
    analysis=AnalysisPlan(
        interval=timedelta(seconds=1),
        limits=(
            Limit("error_rate", max=0.01, max_increase=0.5),
            Limit("latency_p95", max=300.0, quantile=0.95),
        ),
        no_data_deadline=timedelta(minutes=5),
    ),
    progress_deadline=timedelta(hours=2),
)


async def run(bench: Bench) -> Report:
    """Write a look each second for a minute while 20 browsers' streams of one page are open."""
    looks = bench.times(LOOKS, least=5)
    with folder() as home:
        settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
        async with open_store(settings.ledger_url) as store, _serving(home) as (url, pid):
            writer = Writer(store)
            await writer.begin()
            async with open_access(settings) as access:
                cookie = await _signed_in(access)
            seen: list[float] = []
            tasks = [asyncio.create_task(_watch(url, cookie, writer, seen)) for _ in range(VIEWERS)]
            await asyncio.sleep(SETTLE_S)
            bench.say(f"{looks} looks, {VIEWERS} viewers")
            before = usage(pid)
            for _ in range(looks):
                await writer.look()
                await asyncio.sleep(1.0)
            after = usage(pid)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    expected = looks * VIEWERS
    return Report(
        (
            Figure("share of one core", 100 * cores(before, after), "%", 5),
            Figure("look to page, p50", quantile(seen, 0.5), "s", 1.5),
            Figure("look to page, p99", quantile(seen, 0.99), "s", 1.5),
            Figure("updates that came", 100 * len(seen) / expected, "%", 100, at_least=True),
            Figure("memory of the server", after.rss / 2**20, "MiB"),
        ),
        (
            f"{VIEWERS} streams of one rollout's page, a look each second, {looks} looks; the "
            "server is a process that serves only (--only web)",
            "the time runs from before the look is written to when its fragment has arrived",
        ),
    )


class Writer:
    """Writes a rollout as the engine would. written: when each look was, by its number."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._random = Random(7)  # noqa: S311 - traffic, not a secret
        self._judge = judge.begin(PLAN.analysis, "")
        self.written: dict[int, float] = {}

    async def begin(self) -> None:
        """Open the rollout and bring it to its first step."""
        rollout = Rollout(ID, Service("bench", "memory"), Revision("1"), Revision("2"), PLAN)
        now, state = datetime.now(UTC), State()
        entries: list[Entry] = []
        await self._store.open_rollout(rollout, now)
        for event in (
            e.Started(at=now),
            e.Prepared(at=now, generation=1),
            e.Shifted(at=now, generation=2, weight=10),
        ):
            after = advance(PLAN, state, event)
            sentence = explain(rollout, state, event, after)
            state = after.state
            entries.append(Entry(len(entries) + 1, event, sentence, state))
        await self._store.append(ID, tuple(entries))

    async def look(self) -> None:
        """Write the next look."""
        number = len(self.written)
        look = Look(datetime.now(UTC), timedelta(seconds=1), 10, self._arm(20), self._arm(180))
        self._judge, judgement = judge.observe(PLAN.analysis, self._judge, look)
        record = LookRecord(3, number, 0, look, None, judgement)
        self.written[number + 1] = time.monotonic()
        await self._store.append_look(ID, record)

    def _arm(self, requests: int) -> Tally:
        cells = [0] * (len(BOUNDS_MS) + 1)
        for _ in range(requests):
            cells[min(int(self._random.gammavariate(2.0, 1.0)), len(cells) - 1)] += 1
        return Tally(requests, self._random.random() < 0.05, BOUNDS_MS, tuple(cells))


async def _watch(url: str, cookie: str, writer: Writer, seen: list[float]) -> None:
    """Read the page's stream as a browser does; note how long each look took to arrive."""
    headers = {"cookie": f"chimera={cookie}", "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client,
        client.stream("GET", f"/rollouts/{ID}/live") as answer,
    ):
        answer.raise_for_status()
        last = 0
        async for line in answer.aiter_lines():
            if not line.startswith("id: "):
                continue
            look = int(line.removeprefix("id: ").partition("-")[0])
            now = time.monotonic()
            seen += [now - writer.written[one] for one in range(last + 1, look + 1)]
            last = look


async def _signed_in(access: Access) -> str:
    """Return the cookie of a signed-in browser."""
    code = await access.owner_link("bench")
    return await access.sessions.sign_in_by_link(code, source="127.0.0.1")


@asynccontextmanager
async def _serving(home: Path) -> AsyncIterator[tuple[str, int]]:
    """Run a process that serves only; give its address and its id."""
    env = {**os.environ, "CHIMERA_HOME": str(home), "CHIMERA_LISTEN": "127.0.0.1:0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chimera", "up", "--only", "web"),
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield await asyncio.wait_for(_address(process), PATIENCE_S), process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    said = ""
    while process.stderr and (line := (await process.stderr.readline()).decode()):
        said += line
        if line.startswith("page: "):
            return line.removeprefix("page: ").strip()
    raise EngineError(f"the server ended at its start: {said.strip()}")
