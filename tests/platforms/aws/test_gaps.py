"""What CloudWatch does not say is not known: gaps, late, repeated, disordered and broken points."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from temporalio.testing import ActivityEnvironment
from tests.platforms.aws.test_rollout import quiet
from tests.support.aws_story import Story
from tests.support.aws_traffic import Met, flow
from tests.support.engine import plan
from tests.support.eventually import eventually
from tests.support.ledger import MemoryLedger

from chimera.core.effects import Watch
from chimera.core.events import Judged
from chimera.core.model import Reading, Sample, Verdict
from chimera.core.plan import Rollout, Step
from chimera.engine.beat import Beat
from chimera.engine.deps import SystemClock
from chimera.engine.job import Job
from chimera.engine.looks import LookWriter
from chimera.engine.messages import Task
from chimera.engine.watch import Watcher
from chimera.platforms.aws.cloudwatch import CloudWatchMetrics
from chimera.platforms.aws.estate import Estate
from chimera.platforms.aws.streams import ArmStreams
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule


class Told:
    """A canary beside its stable version, and what CloudWatch is made to say of the two."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.streams: dict[str, ArmStreams] = {}
        self.begun = 0

    async def prepare(self) -> None:
        """Start the canary, with a namespace of its own that nobody publishes to."""
        story = self.story
        settings = {**story.service.settings, "namespace": f"gaps/{secrets.token_hex(4)}"}
        story.service = replace(story.service, settings=settings)
        await story.start()
        site = await story.platform._sites.of(story.service)
        canary = await Estate(story.inventory).version(story.service, "v2")
        assert canary is not None
        stable = replace(canary, family=story.stack.family)
        for name, version in (("v1", stable), ("v2", canary)):
            self.streams[name] = await self.metrics._map.streams(site, version)
        self.begun = math.ceil(datetime.now(UTC).timestamp())
        await self.until(6)

    @property
    def metrics(self) -> CloudWatchMetrics:
        return cast("CloudWatchMetrics", self.story.platform.metrics)

    def put(self, version: str, second: int, good: float, bad: float | None = None) -> None:
        """Publish a period's sums, by the seconds since the start; None is no point."""
        box, arm = self.story.box, self.streams[version]
        with box.world.lock:
            for stream, value in ((arm.requests[0], good), (arm.errors[0], bad)):
                if value is not None:
                    at, values = float(self.begun + second), [(value, 1.0)]
                    box.world.region(box.options.region).metrics.put(
                        stream.namespace, stream.metric, stream.dimensions, at, values
                    )

    async def until(self, second: int) -> None:
        """Wait until a second since the start has passed, and what was read may be read anew."""
        await eventually(
            lambda: datetime.now(UTC).timestamp() > self.begun + second, within_s=90, every_s=0.1
        )

    async def read(self) -> Reading:
        """Look as a new process does, which remembers nothing."""
        self.story.revive()
        return await self.metrics.read(self.story.service, self.story.v1, self.story.v2)


def counted(arm: tuple[Sample, ...]) -> tuple[int, int]:
    (sample,) = arm
    return sample.requests, sample.errors


@pytest.fixture
async def told(box: Sandbox) -> AsyncIterator[Told]:
    made = Told(await quiet(box, "ecs-appmesh"))
    await made.prepare()
    yield made
    box.faults.set([])
    await made.story.roll_back()
    await made.story.platform.close()


async def test_what_is_said_counts_once_and_what_is_not_said_is_not_known(told: Told) -> None:
    silent = await told.read()
    assert (silent.canary, silent.stable) == ((), ())
    told.put("v1", 1, 50)
    alone = await told.read()
    assert (counted(alone.stable), alone.canary) == ((50, 0), ())
    told.put("v2", 1, 10, 2)
    both = await told.read()
    assert (counted(both.stable), counted(both.canary)) == ((50, 0), (12, 2))
    assert both.at == datetime.fromtimestamp(told.begun + 2, UTC)
    assert await told.read() == both
    told.put("v1", 4, 5)
    told.put("v2", 4, 1)
    told.put("v2", 3, 1, 1)
    gap = await told.read()
    assert (counted(gap.stable), counted(gap.canary)) == ((55, 0), (15, 3))
    assert gap.at > both.at


async def test_a_late_point_is_added_by_whoever_read_without_it(told: Told) -> None:
    told.put("v1", 1, 40)
    told.put("v2", 1, 9)
    first = await told.read()
    told.put("v2", 0, 3, 3)
    await asyncio.sleep(told.story.box.options.period_s)
    metrics, story = told.metrics, told.story
    later = await metrics.read(story.service, story.v1, story.v2)
    assert counted(first.canary) == (9, 0)
    assert counted(later.canary) == (15, 3)
    assert later.at == first.at


async def test_points_that_are_no_numbers_or_not_over_yet_are_left_out(told: Told) -> None:
    told.put("v1", 1, 40)
    told.put("v2", 1, math.nan)
    broken = await told.read()
    assert (counted(broken.stable), broken.canary) == ((40, 0), ())
    now = math.floor(datetime.now(UTC).timestamp()) - told.begun
    told.put("v1", 2, 1)
    told.put("v2", 2, 7)
    told.put("v2", now + 30, 500, 500)
    unfinished = await told.read()
    assert counted(unfinished.canary) == (7, 0)
    assert unfinished.at <= datetime.now(UTC)


@pytest.mark.parametrize("fault", ["agent-absent", "agent-late"])
async def test_without_an_agent_there_is_no_reading(told: Told, fault: str) -> None:
    told.story.box.faults.set([Rule(fault=fault, seconds=180)])  # type: ignore[arg-type]
    found = await told.read()
    assert (found.canary, found.stable) == ((), ())


async def test_without_a_balancers_numbers_a_watch_holds_and_is_not_convinced(box: Sandbox) -> None:
    story = await quiet(box, "ecs-alb")
    await story.until(50)
    url = await asyncio.to_thread(box.wait_for_url, story.stack.front)
    over, sending = asyncio.Event(), Met()
    traffic = asyncio.create_task(flow(url, over, sending))
    for withheld in (Rule(fault="balancer-absent"), Rule(fault="balancer-late", seconds=180)):
        box.faults.set([withheld])
        await asyncio.sleep(box.options.period_s)
        assert await verdict(story) is Verdict.INCONCLUSIVE
    box.faults.set([])
    assert await verdict(story, patience_s=60) is Verdict.HEALTHY
    over.set()
    await traffic
    assert sending.errors == 0
    await story.roll_back()
    await story.platform.close()


async def verdict(story: Story, patience_s: float = 2) -> Verdict:
    """Return what a watch of the half that the canary has comes to, as the engine runs it."""
    its = plan(Step(50, timedelta(seconds=2)), Step(100, timedelta(0)))
    analysis = replace(
        its.analysis,
        interval=timedelta(seconds=1),
        no_data_deadline=timedelta(seconds=patience_s),
    )
    rollout = Rollout("r1", story.service, story.v1, story.v2, replace(its, analysis=analysis))
    effect = Watch(generation=3, step=0, weight=50)
    story.revive()
    looks = LookWriter(MemoryLedger())
    task = Task(rollout=rollout, effect=effect)
    job = Job(task, story.platform, SystemClock(), looks, Beat())
    found = await ActivityEnvironment().run(Watcher(job, effect).run)
    await looks.close()
    assert isinstance(found, Judged), found
    return found.judgement.verdict
