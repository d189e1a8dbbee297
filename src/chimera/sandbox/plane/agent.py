"""The CloudWatch agent's stand-in: scrapes Envoys, publishes what its configuration declares."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chimera.sandbox.faults import Faults
from chimera.sandbox.metrics import Dimensions
from chimera.sandbox.plane.http import fetch
from chimera.sandbox.world import Region, World

Json = dict[str, Any]
_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([-+.\deE]+|NaN|[+-]Inf)(?: \d+)?$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Target:
    """Where one task's metrics are, and the labels that the agent adds to them."""

    task: str
    address: str
    port: int
    path: str
    labels: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Counter:
    """What a scrape found: name, labels, value, and whether it only grows."""

    name: str
    labels: dict[str, str]
    value: float
    counter: bool


def parse_prometheus(text: str, wanted: Callable[[str], bool]) -> list[Counter]:
    """Read the metrics of `wanted` names; what it does not understand is left out."""
    kinds: dict[str, str] = {}
    found = []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            kinds[name] = kind
        elif line.startswith("#") or not wanted(line.partition(" ")[0].partition("{")[0]):
            continue  # nearly all of what an Envoy tells
        elif match := _LINE.match(line):
            name, labels, value = match.groups()
            kind = kinds.get(name, "untyped")
            found.append(
                Counter(name, dict(_LABEL.findall(labels or "")), float(value), kind == "counter")
            )
    return found


class Agent:
    """One agent task: lives as long as its task runs."""

    def __init__(self, world: World, faults: Faults, region: Region, container: Json) -> None:
        self._world = world
        self._faults = faults
        self._region = region
        environment = {one["name"]: one["value"] for one in container.get("environment", ())}
        config = json.loads(environment.get("CW_CONFIG_CONTENT") or "{}")
        collected = config.get("logs", {}).get("metrics_collected", {}).get("prometheus", {})
        emf = collected.get("emf_processor", {})
        self._namespace = emf.get("metric_namespace", "CWAgent/Prometheus")
        self._declarations = emf.get("metric_declaration", [])
        self._discovery = collected.get("ecs_service_discovery", {})
        self._last: dict[tuple[str, str, frozenset[tuple[str, str]]], float] = {}
        self._found: list[Target] = []
        self._selected: dict[str, bool] = {}
        self._looked = 0.0

    async def live(self) -> None:
        """Scrape and publish once a period."""
        every = self._world.options.period_s
        while True:
            await asyncio.sleep(every - time.time() % every)
            if self._faults.of_metrics("agent-absent"):
                continue
            self._discover()
            await asyncio.gather(*(self._scrape(target) for target in self._found))

    def _discover(self) -> None:
        pause = _seconds(self._discovery.get("sd_frequency", "1m"))
        now = time.monotonic()
        # A little early counts: the frequency and the scrapes are meant to go in step.
        if self._looked and now - self._looked < self._world.options.scaled(pause) - 0.3:
            return
        self._looked = now
        with self._world.lock:
            self._found = [
                target
                for task in self._region.ecs.tasks.values()
                if task["lastStatus"] == "RUNNING" and self._in_cluster(task)
                for target in self._targets(task)
            ]
        alive = {target.task for target in self._found}
        self._last = {key: value for key, value in self._last.items() if key[0] in alive}

    def _in_cluster(self, task: Json) -> bool:
        wanted = self._discovery.get("sd_target_cluster", "")
        return bool(wanted) and task["clusterArn"].rpartition("/")[2] == wanted.rpartition("/")[2]

    def _targets(self, task: Json) -> list[Target]:
        rules = self._discovery.get("docker_label") or {}
        if not rules and "docker_label" not in self._discovery:
            return []
        port_label = rules.get("sd_port_label", "ECS_PROMETHEUS_EXPORTER_PORT")
        path_label = rules.get("sd_metrics_path_label", "ECS_PROMETHEUS_METRICS_PATH")
        targets = []
        for container in task["_definition"]["containerDefinitions"]:
            given = container.get("dockerLabels", {})
            if not str(given.get(port_label, "")).isdigit():
                continue
            definition = task["_definition"]
            labels = {
                "ClusterName": task["clusterArn"].rpartition("/")[2],
                "TaskClusterName": task["clusterArn"].rpartition("/")[2],
                "TaskDefinitionFamily": definition["family"],
                "TaskRevision": str(definition["revision"]),
                "TaskGroup": task["group"],
                "StartedBy": task.get("startedBy", ""),
                "LaunchType": task.get("launchType", ""),
                "container_name": container["name"],
                "TaskId": task["_id"],
                **{name: str(value) for name, value in given.items() if value},
            }
            path = given.get(path_label) or "/metrics"
            targets.append(
                Target(
                    task["taskArn"],
                    task["_address"],
                    int(given[port_label]),
                    path,
                    tuple(labels.items()),
                )
            )
        return targets

    async def _scrape(self, target: Target) -> None:
        status, body = await fetch(target.address, target.port, target.path)
        if status != 200:
            return
        at = time.time()
        samples = []
        for one in parse_prometheus(body.decode(errors="replace"), self._selects):
            value = self._change(target, one)
            if value is not None:
                labels = {**one.labels, **dict(target.labels)}
                samples += self._declared(one.name, labels, value)
        late = self._faults.of_metrics("agent-late")
        if late:
            await asyncio.sleep(late.seconds)
        with self._world.lock:
            for name, dimensions, value in samples:
                self._region.metrics.put(self._namespace, name, dimensions, at, [(value, 1.0)])

    def _selects(self, name: str) -> bool:
        """Whether any declaration asks for the metrics of this name."""
        if name not in self._selected:
            patterns = [p for one in self._declarations for p in one.get("metric_selectors", ())]
            self._selected[name] = any(re.search(pattern, name) for pattern in patterns)
        return self._selected[name]

    def _change(self, target: Target, one: Counter) -> float | None:
        """Return a counter's growth since the last scrape; the first sample is dropped."""
        if not one.counter:
            return one.value
        key = (target.task, one.name, frozenset(one.labels.items()))
        before = self._last.get(key)
        self._last[key] = one.value
        if before is None or one.value < before:
            return None
        return one.value - before

    def _declared(
        self, name: str, labels: dict[str, str], value: float
    ) -> list[tuple[str, Dimensions, float]]:
        found: dict[Dimensions, float] = {}
        for declaration in self._declarations:
            source = declaration.get("label_separator", ";").join(
                labels.get(label, "") for label in declaration.get("source_labels", ())
            )
            if not re.search(declaration.get("label_matcher", ""), source):
                continue
            if not any(re.search(one, name) for one in declaration.get("metric_selectors", ())):
                continue
            for dimensions in declaration.get("dimensions", ()):
                if all(label in labels for label in dimensions):
                    found[tuple((label, labels[label]) for label in dimensions)] = value
        return [(name, dimensions, value) for dimensions, value in found.items()]


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(text))
    if match is None:
        return 60.0
    return float(match.group(1)) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[match.group(2)]
