"""The life of one task: pulled, started, found, watched, drained, stopped."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.sandbox.faults import Faults
from chimera.sandbox.patches.ecs_tasks import ask_to_stop
from chimera.sandbox.plane import discovery, images, sidecar
from chimera.sandbox.plane.block import Block
from chimera.sandbox.plane.checks import SOON_S, STEADY_S
from chimera.sandbox.plane.containers import Running, app_command, probe
from chimera.sandbox.plane.http import accepts
from chimera.sandbox.plane.processes import Processes
from chimera.sandbox.world import Region, World

Json = dict[str, Any]
_LOOK_S = 0.1


@dataclass(slots=True)
class Tools:
    """What every task needs."""

    world: World
    faults: Faults
    block: Block
    processes: Processes
    envoy: Path
    home: Path


class _Failed(Exception):
    def __init__(self, reason: str, code: str = "TaskFailedToStart") -> None:
        super().__init__(reason)
        self.code = code


class TaskLife:
    """Runs one task from its record's creation to its end; the record tells how far it is."""

    def __init__(self, tools: Tools, region: Region, task: Json) -> None:
        self._tools = tools
        self._world = tools.world
        self._region = region
        self._task = task
        self._address = ""
        self._running: list[Running] = []

    async def live(self) -> None:
        """Live until stopped, by itself or on request."""
        try:
            await self._start()
            await self._watch()
        except _Failed as error:
            with self._world.lock:
                ask_to_stop(self._task, str(error), error.code)
        finally:
            await asyncio.shield(self._stop())

    def _is(self, status: str, **more: Any) -> None:
        with self._world.lock:
            self._task.update(lastStatus=status, version=self._task["version"] + 1, **more)

    async def _start(self) -> None:
        self._attach()
        self._is("PENDING", pullStartedAt=time.time())
        self._pull()
        self._is("ACTIVATING", pullStoppedAt=time.time())
        for one in self._running:
            self._launch(one)
        if not self._checked():
            await self._until_it_listens()
        health = "UNHEALTHY" if self._checked() else "HEALTHY"
        with self._world.lock:
            self._task["healthStatus"] = "UNKNOWN"
            discovery.enter_cloud_map(self._region, self._task, self._address, health)
            discovery.enter_target_groups(self._world, self._region, self._task, self._address)
        self._is("RUNNING", startedAt=time.time(), connectivityAt=time.time())

    def _attach(self) -> None:
        try:
            self._address = self._tools.block.take()
        except ProviderRefused as error:
            raise _Failed("RESOURCE:ENI") from error
        network = (self._task.get("_network") or {}).get("awsvpcConfiguration", {})
        eni = f"eni-{self._task['_id'][:17]}"
        details = {
            "subnetId": next(iter(network.get("subnets", ())), "subnet-0"),
            "networkInterfaceId": eni,
            "privateIPv4Address": self._address,
        }
        attachment = {
            "id": self._task["_id"],
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }
        with self._world.lock:
            self._task["attachments"] = [attachment]
            self._task["_address"] = self._address
            for container in self._task["containers"]:
                container["networkInterfaces"] = [
                    {"attachmentId": self._task["_id"], "privateIpv4Address": self._address}
                ]

    def _pull(self) -> None:
        family = self._task["_definition"]["family"]
        states = {one["name"]: one for one in self._task["containers"]}
        for container in self._task["_definition"]["containerDefinitions"]:
            name = container["image"]
            rule = self._tools.faults.strike_task("no-start", name, family)
            if rule is not None:
                reason = rule.reason or "CannotPullContainerError: pull access denied"
                states[container["name"]]["reason"] = reason
                raise _Failed(reason)
            try:
                image = images.pull(name, self._world.options.images, self._world.account)
            except images.CannotPull as error:
                states[container["name"]]["reason"] = str(error)
                raise _Failed(str(error)) from error
            self._running.append(Running(container, states[container["name"]], image))

    def _launch(self, one: Running) -> None:
        one.started = time.monotonic()
        one.state["lastStatus"] = "RUNNING"
        one.state["runtimeId"] = f"{self._task['_id']}-{one.container['name']}"
        if one.image.kind == "agent":
            self._task["_agent"] = one.container
            return
        log = self._folder / f"{one.container['name']}.log"
        environment = {pair["name"]: pair["value"] for pair in one.container.get("environment", ())}
        try:
            if one.image.kind == "envoy":
                argv = self._envoy_command(one)
                if argv is None:
                    return
            else:
                argv = app_command(one, self._address)
            one.process = self._tools.processes.start(argv, log=log, env=environment)
        except OSError as error:
            raise _Failed(f"CannotStartContainerError: {error}") from error

    @property
    def _folder(self) -> Path:
        return self._tools.home / "tasks" / str(self._task["_id"])

    def _envoy_command(self, one: Running) -> list[str] | None:
        arn = sidecar.resource_arn(one.container)
        with self._world.lock:
            node = sidecar.find_node(self._region.mesh.resources, arn) if arn else None
        if arn and node is None:
            return None  # its management server has nothing for it: it never becomes live
        port = next(
            (
                mapping["containerPort"]
                for other in self._task["_definition"]["containerDefinitions"]
                if other is not one.container
                for mapping in other.get("portMappings", ())
            ),
            8080,
        )
        if node and node["spec"].get("listeners"):
            port = node["spec"]["listeners"][0]["portMapping"]["port"]
        name = node["virtualNodeName"] if node else "envoy"
        path = sidecar.write_bootstrap(self._folder / "bootstrap.json", self._address, port, name)
        self._task["_proxy"] = True
        argv = [str(self._tools.envoy), "-c", str(path), "--concurrency", "1"]
        return [*argv, "--disable-hot-restart", "-l", "warning"]

    async def _until_it_listens(self) -> None:
        # With no health check to wait for, the first users would meet a closed port.
        deadline = time.monotonic() + 20
        ports = {
            mapping["containerPort"]
            for one in self._running
            if one.image.kind == "app"
            for mapping in one.container["portMappings"]
        }
        if any(one.image.kind == "envoy" and one.process for one in self._running):
            ports |= {sidecar.PROXY, sidecar.ADMIN}
        while ports and time.monotonic() < deadline and not self._asked_to_stop():
            self._check_processes()
            ports = {port for port in ports if not await accepts(self._address, port)}
            if ports:
                await asyncio.sleep(0.05)

    def _checked(self) -> bool:
        return any("healthCheck" in one.container for one in self._running)

    def _asked_to_stop(self) -> bool:
        return bool(self._task["desiredStatus"] == "STOPPED")

    async def _watch(self) -> None:
        began = time.monotonic()
        definition = self._task["_definition"]
        image = next((one.container["image"] for one in self._running), "")
        app = [one.container["image"] for one in self._running if one.image.kind == "app"]
        crash = self._tools.faults.strike_task("crash", (app or [image])[0], definition["family"])
        with self._world.lock:
            self._task["_ready"] = not self._checked()
        while not self._asked_to_stop():
            self._check_processes()
            if crash and time.monotonic() - began >= crash.seconds:
                for one in self._running:
                    if one.image.kind == "app" and one.process:
                        self._tools.processes.end(one.process, signal.SIGKILL)
            if self._checked():
                await self._check_health()
            await asyncio.sleep(_LOOK_S)

    def _check_processes(self) -> None:
        for one in self._running:
            if one.process and (code := one.process.poll()) is not None:
                one.state["exitCode"] = 128 - code if code < 0 else code
                one.state["lastStatus"] = "STOPPED"
                if one.essential:
                    raise _Failed("Essential container in task exited", "EssentialContainerExited")

    async def _check_health(self) -> None:
        for one in self._running:
            check = one.container.get("healthCheck")
            scaled = self._world.options.scaled
            now = time.monotonic()
            least_s = STEADY_S if one.healthy and not one.failures else SOON_S
            every_s = max(least_s, scaled(check.get("interval", 30))) if check else 0
            if not check or now - one.checked < every_s:
                continue
            one.checked = now
            family = self._task["_definition"]["family"]
            failing = self._tools.faults.strike_task("unhealthy", one.container["image"], family)
            if not failing and await probe(one, self._address):
                one.healthy, one.failures = True, 0
            elif now - one.started > max(5.0, scaled(check.get("startPeriod", 0))):
                one.failures += 1
                if one.failures >= check.get("retries", 3):
                    one.healthy = False
            words = {True: "HEALTHY", False: "UNHEALTHY", None: "UNKNOWN"}
            one.state["healthStatus"] = words[one.healthy]
        self._tell_health()

    def _tell_health(self) -> None:
        checked = [one for one in self._running if "healthCheck" in one.container]
        if any(one.healthy is False and one.essential for one in checked):
            with self._world.lock:
                self._task["healthStatus"] = "UNHEALTHY"
            raise _Failed("Task failed container health checks", "ServiceSchedulerUnhealthy")
        if all(one.healthy for one in checked):
            with self._world.lock:
                if self._task["healthStatus"] != "HEALTHY":
                    self._task.update(healthStatus="HEALTHY", _ready=True)
                    discovery.set_cloud_map_health(self._region, self._task, "HEALTHY")

    async def _stop(self) -> None:
        world, task = self._world, self._task
        self._is("DEACTIVATING")
        with world.lock:
            task["_ready"] = False
            discovery.leave_cloud_map(self._region, task)
            delay_s = discovery.leave_target_groups(world, self._region, self._address)
        alive = [one for one in self._running if one.process and one.process.poll() is None]
        if alive and "startedAt" in task:
            # Until the gateways have heard of it, and what is under way has ended.
            after = world.options.propagation.total_seconds() + 0.3
            await asyncio.sleep(after + world.options.scaled(delay_s))
        self._is("STOPPING")
        for kind in ("app", "envoy"):
            await self._end([one for one in alive if one.image.kind == kind])
        self._is("DEPROVISIONING", executionStoppedAt=time.time())
        with world.lock:
            discovery.forget_target(self._region, self._address)
            task.pop("_agent", None)
        if self._address:
            self._tools.block.give_back(self._address)
        self._is("STOPPED", stoppedAt=time.time())

    async def _end(self, running: list[Running]) -> None:
        for one in running:
            if one.process:
                self._tools.processes.end(one.process)
        for one in running:
            limit_s = self._world.options.scaled(one.container.get("stopTimeout", 30))
            deadline = time.monotonic() + max(3.0, limit_s)
            while one.process and one.process.poll() is None:
                if time.monotonic() > deadline:
                    self._tools.processes.end(one.process, signal.SIGKILL)
                await asyncio.sleep(0.02)
            if one.process:
                one.state["exitCode"] = one.process.returncode
                self._tools.processes.forget(one.process)
            one.state["lastStatus"] = "STOPPED"
