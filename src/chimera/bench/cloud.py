"""Rollouts on the practice range whose calls are counted: whole ones, and fleets that are watched.

A fleet's services have no tasks, and its routes name stable alone: watching asks for routes and
metrics, which need no more.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera.core.model import Fence, Resource, Revision, Service, Split
from chimera.engine.watch import LOOKS_PER_POINT
from chimera.platforms.catalog import make
from chimera.platforms.memory import MemoryInventory
from chimera.ports.platform import Platform

if TYPE_CHECKING:
    from chimera.sandbox import Sandbox
    from chimera.sandbox.seed import Stack

PLATFORMS = ("ecs-alb", "ecs-appmesh")
V1, V2 = Revision("1"), Revision("2")
STEPS = (5, 25, 50, 100)
LONG = timedelta(minutes=5)
PERIOD_S = 60.0
_METRICS = {"ecs-alb": 28, "ecs-appmesh": 8}


@asynccontextmanager
async def the_range(speed: float, sizes: Sequence[int] = (0,)) -> AsyncIterator[Sandbox]:
    """Run a range, and let boto3 find it by profiles whose keys tell their calls apart."""
    from chimera.sandbox import Options, Sandbox

    names = [f"{platform}-{size}" for platform in PLATFORMS for size in sizes]
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox(Options(speed=speed)) as box:
            config = Path(folder) / "config"
            config.write_text("".join(_profile(box, name) for name in names))
            os.environ.update(AWS_CONFIG_FILE=str(config), AWS_DISABLE_HOST_PREFIX_INJECTION="true")
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
                os.environ.pop(name, None)
            try:
                yield box
            finally:
                os.environ.clear()
                os.environ.update(before)


def _profile(box: Sandbox, name: str) -> str:
    keys = f"aws_access_key_id = {name}\naws_secret_access_key = practice\n"
    return f"[profile {name}]\nregion = eu-west-1\nendpoint_url = {box.endpoint}\n{keys}\n"


async def rolled_out(box: Sandbox, platform: str) -> Counter[str]:
    """Promote a version of a service with two tasks in four steps; return the calls by action."""
    from chimera.sandbox.seed import build

    kind = "alb" if platform == "ecs-alb" else "appmesh"
    stack = await asyncio.to_thread(build, box.session(), kind=kind, service=f"logo-{kind}")
    profile = f"{platform}-0"
    service = Service("whole", platform, _settings(stack, profile, f"{box.options.period_s}s"))
    made = make(platform, MemoryInventory(), "")
    router, orchestrator, fence = made.router, made.orchestrator, Fence("bench", 1)
    try:
        await orchestrator.plan(service, V2)
        await orchestrator.start(service, V2, None, fence)
        for weight in STEPS:
            if weight == STEPS[-1]:
                await orchestrator.scale_to_stable(service, V2, fence)
            await router.set_weights(service, Split("1", "2", weight), fence, LONG)
        await router.commit(service, V1, V2, fence, LONG)
        await router.drain(service, V1, fence, LONG)
        await orchestrator.remove(service, V1, fence)
    finally:
        await made.close()
    return _calls(box, profile)


@dataclass(slots=True)
class Watched:
    """Rollouts of one process that are watched at once. metrics: how many are read in all."""

    platform: str
    size: int
    metrics: int
    box: Sandbox
    running: Platform
    services: list[Service]
    calls: Counter[str] = field(default_factory=Counter)

    async def watch(self, seconds: float) -> None:
        """Watch as the engine does for so long, after a first look at each; count the calls."""
        await asyncio.gather(*(self._look(one) for one in self.services))
        key = f"{self.platform}-{self.size}"
        before = _calls(self.box, key)
        until = time.monotonic() + seconds
        await asyncio.gather(*(self._watch(number, until) for number in range(len(self.services))))
        self.calls = _calls(self.box, key) - before

    async def _watch(self, number: int, until: float) -> None:
        pause_s = PERIOD_S / LOOKS_PER_POINT
        await asyncio.sleep(pause_s * number / len(self.services))
        while time.monotonic() < until:
            await self._look(self.services[number])
            await asyncio.sleep(min(pause_s, max(0.0, until - time.monotonic())))

    async def _look(self, service: Service) -> None:
        split = Split("1", "2", 5)
        await self.running.router.renew(service, split, Fence(service.name, 1), LONG)
        await self.running.metrics.read(service, V1, V2)

    async def close(self) -> None:
        """Let go of the clients."""
        await self.running.close()


async def fleet(box: Sandbox, platform: str, size: int) -> Watched:
    """Set up services, each with two versions on record."""
    from chimera.sandbox.seed import build

    kind, inventory = "alb" if platform == "ecs-alb" else "appmesh", MemoryInventory()
    services = []
    for number in range(size):
        name = f"f{size}-{kind}-{number}"
        stack = await asyncio.to_thread(
            build, box.session(), kind=kind, service=name, tasks=0, wait_s=0
        )
        settings = _settings(stack, f"{platform}-{size}", "1m")
        service = Service(name, platform, settings)
        for revision, group in ((V1, stack.target_group), (V2, stack.target_group_2)):
            await inventory.record(_on_record(service, stack, revision, group))
        await asyncio.to_thread(_adopt, box, stack)
        services.append(service)
    running = make(platform, inventory, "")
    return Watched(platform, size, size * _METRICS[platform], box, running, services)


def _adopt(box: Sandbox, stack: Stack) -> None:
    """Tag what stable stands behind as a promotion would have left it."""
    tags = {"rollout": "before", "service": stack.service, "revision": "1", "name": stack.service}
    if stack.rule:
        elb, pairs = box.session().client("elbv2"), tags.items()
        listed = [{"Key": f"chimera:{key}", "Value": value} for key, value in pairs]
        elb.add_tags(ResourceArns=[stack.target_group], Tags=listed)
        return
    place = f"{stack.region}:{stack.account}:mesh/{stack.mesh}/virtualNode/{stack.virtual_node}"
    box.session().client("appmesh").tag_resource(
        resourceArn=f"arn:aws:appmesh:{place}",
        tags=[{"key": f"chimera:{key}", "value": value} for key, value in tags.items()],
    )


def _on_record(service: Service, stack: Stack, revision: Revision, group: str) -> Resource:
    """Return the record of a version's ECS service."""
    arn = f"arn:aws:ecs:{stack.region}:{stack.account}:service/{stack.cluster}/{stack.service}"
    detail = {
        "name": stack.service,
        "family": f"{stack.family}-{revision.name}",
        "backend": group or stack.virtual_node,
        "arn": arn,
        "cluster": stack.cluster,
    }
    return Resource(
        "ecs-service", f"{arn}-{revision.name}", service.name, revision.name, "", detail
    )


def _settings(stack: Stack, profile: str, period: str) -> dict[str, Any]:
    common = {
        "cluster": stack.cluster,
        "service": stack.service,
        "profile": profile,
        "period": period,
        "propagation": "600ms",
    }
    if stack.rule:
        return {**common, "rule": stack.rule}
    mesh = {"mesh": stack.mesh, "virtualRouter": stack.virtual_router, "route": stack.route}
    return {**common, **mesh}


def _calls(box: Sandbox, key: str) -> Counter[str]:
    """Return the calls that were signed with a key, by action."""
    return Counter(f"{one.service}:{one.action}" for one in box.calls.last() if one.key == key)
