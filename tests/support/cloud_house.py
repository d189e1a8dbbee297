"""The whole product on AWS: the commands as a person types them, on a stack in a practice range."""

from __future__ import annotations

import asyncio
import json
import math
import re
import secrets
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from tests.support.aws import scale_automatically
from tests.support.aws_traffic import Met, flow
from tests.support.house import SERVICE, Done, House, ended
from tests.support.house import house as open_house

from chimera.app.reports import RolloutView
from chimera.core.model import Resource
from chimera.sandbox import Sandbox
from chimera.sandbox.listing import things
from chimera.sandbox.seed import Stack, build
from chimera.sandbox.thing import Thing

Json = dict[str, Any]
MESH, ALB = "ecs-appmesh", "ecs-alb"
STACKS = {MESH: "appmesh", ALB: "alb"}
SPEC = "cloud.yaml"
ENVOYS = "envoy_http_downstream_rq_xx"
# What names one version alone, and what changes with each write; tags are compared by themselves.
_OWN = {"meta", "metadata", "revision", "clientToken", "tags", "serviceArn", "taskDefinitionArn"}
_OWN |= {"updatedAt"}
# What the whole account has of these, a rollout leaves as it is.
_SHARED = {"role", "security group"}


@dataclass
class CloudHouse(House):
    """A house whose service runs on ECS in `box`."""

    box: Sandbox = field(kw_only=True)
    stack: Stack = field(kw_only=True)
    platform: str = field(kw_only=True)

    @property
    def service(self) -> str:
        return self.stack.service

    @property
    def url(self) -> str:
        return self.box.urls[self.stack.front]

    async def init(self, **changes: Any) -> None:
        """Write the spec as `chimera init` does, in the range's time and over in seconds."""
        await self.run("init", SPEC, "--platform", self.platform, "--service", self.service)
        file = self.folder / SPEC
        spec = yaml.safe_load(file.read_text())
        spec["target"] |= {"period": f"{self.box.options.period_s}s", "propagation": "600ms"}
        spec.pop("latencyP95", None)  # machines are slow
        spec |= {
            "strategy": "fast",
            "steps": [{"setWeight": weight, "bake": "3s"} for weight in (20, 50, 100)],
            "errorRate": "5%",
            "progressDeadline": "5m",
            "scaleDownDelay": "1s",
            "drainTimeout": "10s",
            "analysis": {"noDataDeadline": "10m"},  # a busy machine sends little traffic
            **changes,
        }
        file.write_text(yaml.safe_dump(spec, sort_keys=False))

    async def until(
        self, true: Callable[[RolloutView], object], ref: str = SERVICE, within_s: float = 400
    ) -> RolloutView:
        """Wait until something is true of a rollout; a range beside it makes a machine slow."""
        return await super().until(true, ref, within_s)

    async def release(self, version: str, *args: str, code: int | None = 0) -> Done:
        """Deploy a version by the spec."""
        process = await self.start("deploy", SPEC, "--version", version, *args)
        done = await ended(process, within_s=400)
        said = f"{version} ended with {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in said, said
        assert code is None or done.code == code, said
        return done

    def listed(self) -> dict[tuple[str, str], Thing]:
        """What stands in the account of this service, by kind and name."""
        found = things(self.box.session(), cluster=self.stack.cluster)
        return {o.key: o for o in found if self.service in o.name or o.kind in _SHARED}

    def route(self) -> bytes:
        """What steers the traffic, every byte of it that a person set."""
        session = self.box.session()
        if self.platform == MESH:
            told = session.client("appmesh").describe_route(
                meshName=self.stack.mesh,
                virtualRouterName=self.stack.virtual_router,
                routeName=self.stack.route,
            )["route"]["spec"]
        else:
            told = session.client("elbv2").describe_rules(RuleArns=[self.stack.rule])["Rules"]
        return json.dumps(told, sort_keys=True).encode()

    def points(self, removed: Sequence[Resource]) -> dict[str, list[tuple[float, float]]]:
        """What CloudWatch has of a version that is gone: (time, answers) by class, "2" to "5"."""
        (name,) = (one.id.rpartition("/")[2] for one in removed if one.kind == "ecs-service")
        cloudwatch = self.box.session().client("cloudwatch")
        found: dict[str, list[tuple[float, float]]] = {}
        for code in "2345":
            metric = f"HTTPCode_Target_{code}XX_Count" if self.platform == ALB else ENVOYS
            for one in cloudwatch.list_metrics(MetricName=metric)["Metrics"]:
                values = {pair["Name"]: pair["Value"] for pair in one["Dimensions"]}
                named = values.get("TaskDefinitionFamily") or _group(values.get("TargetGroup", ""))
                if named == name and values.get("envoy_response_code_class", code) == code:
                    found[code] = self._points(cloudwatch, one)
        return found

    def _points(self, cloudwatch: Any, metric: Json) -> list[tuple[float, float]]:
        answer = cloudwatch.get_metric_statistics(
            **metric,
            StartTime=datetime.now(UTC) - timedelta(minutes=10),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=self.box.options.period_s,
            Statistics=["Sum"],
        )
        return [(point["Timestamp"].timestamp(), point["Sum"]) for point in answer["Datapoints"]]

    async def leaks(self, serving: str = "", within_s: float = 60) -> list[str]:
        """What is left behind, by `gc` and by the account's own list; serving: a rollout's id.

        ECS lists a service for as long as its tasks end, hence the patience.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        while left := await self._left(serving):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.5)
        return left

    async def _left(self, serving: str) -> list[str]:
        swept = (await self.run("gc", "--dry-run", "-o", "json", code=None)).data
        listed = [
            str(one.key)
            for one in self.listed().values()
            if one.tags.get("chimera:rollout", serving) != serving
        ]
        return [*map(str, swept["found"]), *listed]


@asynccontextmanager
async def cloud_house(box: Sandbox, platform: str) -> AsyncIterator[CloudHouse]:
    """Open a house with a stack of its own in a range: version 1 runs, in two tasks."""
    name = f"logo-{secrets.token_hex(3)}"
    stack = await asyncio.to_thread(
        build, box.session(), kind=STACKS[platform], service=name, version="1"
    )
    await asyncio.to_thread(scale_automatically, box, stack)
    await asyncio.to_thread(box.wait_for_url, stack.front, 90)
    async with open_house() as plain:
        plain.env.update(box.env)
        opened = CloudHouse(
            plain.folder, plain.env, plain.port, box=box, stack=stack, platform=platform
        )
        try:
            yield opened
        finally:
            opened.close()


@asynccontextmanager
async def traffic(house: CloudHouse) -> AsyncIterator[Met]:
    """Send requests while the block lasts."""
    met, over = Met(), asyncio.Event()
    sending = asyncio.create_task(flow(house.url, over, met))
    try:
        yield met
    finally:
        over.set()
        await sending


def _group(dimension: str) -> str:
    """Return the name in "targetgroup/NAME/ID", "" for a metric of the whole load balancer."""
    return dimension.split("/")[1] if dimension else ""


def within_bounds(hits: int, of: int, percent: int) -> bool:
    """Whether so many hits are likely (99.9 %) at this weight."""
    share = percent / 100
    return abs(hits - of * share) <= 3.29 * math.sqrt(of * share * (1 - share)) + 1


def shape(listed: Mapping[tuple[str, str], Thing], names: Container[str]) -> dict[str, Any]:
    """What stands, with one word for all `names` of a version and without what each write changes.

    So two lists are equal if one version stands in the other's place, setting by setting.
    """
    return {
        f"{kind} {_plain(name, names)}": {
            **_plain(dict(thing.content), names),
            "the operator's tags": {k: v for k, v in thing.tags.items() if "chimera:" not in k},
        }
        for (kind, name), thing in listed.items()
    }


def _plain(value: Any, names: Container[str]) -> Any:
    if isinstance(value, dict):
        kept = {key: _plain(one, names) for key, one in value.items() if key not in _OWN}
        return {key: one for key, one in kept.items() if one not in ({}, [], None)}
    if isinstance(value, list | tuple):
        plain = [_plain(one, names) for one in value]
        named = all(isinstance(one, dict) and "name" in one for one in plain)
        return sorted(plain, key=lambda one: str(one["name"])) if named else plain
    if not isinstance(value, str):
        return value
    *path, tail = value.split("/")
    last = path[-1] if ":targetgroup/" in value else re.sub(r"(:\d+|@sha256:\w+)$", "", tail)
    return "VERSION" if last in names else value
