"""Run one front: start its Envoy, and apply changes in the order that loses no request."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.envoy import config
from chimera.platforms.envoy.admin import AdminClient
from chimera.platforms.envoy.config import Discovery, Layout
from chimera.platforms.envoy.files import write_atomic
from chimera.platforms.envoy.model import Front
from chimera.platforms.envoy.ports import lock_port
from chimera.platforms.envoy.proc import ProcessId, is_alive, terminate
from chimera.platforms.envoy.process import find_binary, launch, read_tail, refused, validate
from chimera.platforms.envoy.routes import routed_clusters

_POLL_S = 0.01
START_WITHIN = timedelta(seconds=10)
CONFIRM_WITHIN = timedelta(seconds=10)
DRAIN_WITHIN = timedelta(seconds=30)


class EnvoyFront:
    """One service's Envoy: its files, its process, its admin socket.

    `port_locks` is the folder of port locks, shared by all fronts. `admin` reads Envoy back.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        port_locks: Path,
        binary: Path | None = None,
        concurrency: int = 2,
    ) -> None:
        self.layout = layout
        self.admin = AdminClient(layout.admin)
        self._port_locks = port_locks
        self._binary = binary
        self._concurrency = concurrency
        self._changing = asyncio.Lock()

    async def close(self) -> None:
        """Release this controller's side; Envoy goes on."""
        await self.admin.close()

    async def start(self, front: Front, *, within: timedelta = START_WITHIN) -> ProcessId:
        """Write the files and start Envoy on them; return its identity, to be recorded.

        Everything is on stable until weights are leased. Raises ProviderRefused for a port in use
        or a configuration Envoy does not take, ProviderUnavailable if it is not live in time; then
        nothing is left running.
        """
        binary = find_binary(self._binary)
        await asyncio.to_thread(self._write_all, front)
        await self._validate(binary, front)
        lock = lock_port(
            front.port,
            address=front.address,
            folder=self._port_locks,
            owner=f"service {front.service}",
        )
        try:
            process = await launch(
                binary,
                self.layout.bootstrap,
                log=self.layout.log,
                port_lock=lock,
                concurrency=self._concurrency,
            )
        finally:
            os.close(lock)
        try:
            await self._live(process, within)
        except BaseException:
            await terminate(process)
            raise
        return process

    async def adopt(self, process: ProcessId) -> bool:
        """Tell whether the Envoy recorded earlier still runs, is the same one, and answers."""
        return is_alive(process) and await self.admin.ready()

    async def stop(self, process: ProcessId, *, within: timedelta = timedelta(seconds=5)) -> None:
        """End this Envoy, cutting what it still serves; files stay for the next start."""
        await terminate(process, within=within)
        self.layout.admin.unlink(missing_ok=True)

    async def apply(
        self,
        front: Front,
        *,
        within: timedelta = CONFIRM_WITHIN,
        drain: timedelta = DRAIN_WITHIN,
    ) -> None:
        """Change clusters and routes of a running Envoy with nothing lost; safe to repeat.

        New clusters come first and must be healthy before a route names them; clusters that go
        are removed once no route names them and none of their requests is under way (waiting at
        most `drain`; zero removes at once). Replicas replaced in one cluster are a change of
        endpoints at once: add, apply, wait until healthy, remove, apply to lose nothing there.
        Address, port and what concerns connections of clients take effect at the next start.
        Raises ProviderRefused with Envoy's words, or ProviderUnavailable at a deadline.
        """
        async with self._changing:
            try:
                await self._apply(front, within, drain)
            except ProviderRefused:
                await self._validate(find_binary(self._binary), front)
                raise

    async def _apply(self, front: Front, within: timedelta, drain: timedelta) -> None:
        wanted = config.clusters_file(front, self.layout)
        names = {cluster.name for cluster in front.clusters}
        present = _resources(self.layout.discovery("cds"))
        leaving = [resource for resource in present if resource["name"] not in names]

        for name, endpoints in config.endpoint_files(front).items():
            await self._put(f"eds-{name}", endpoints)
        both = config.discovery([*json.loads(wanted.text)["resources"], *leaving])
        await self._change("cds", both, "cluster_manager.cds", within)
        for name, endpoints in config.endpoint_files(front).items():
            await self._version(f"cluster.{name}", endpoints.version, within)
        await self._routable(front, within)

        await self._route(front, within)
        if leaving:
            gone = [str(resource["name"]) for resource in leaving]
            if drain:
                await self.drained(gone, within=drain)
            await self._change("cds", wanted, "cluster_manager.cds", within)
            for name in gone:
                self.layout.discovery(f"eds-{name}").unlink(missing_ok=True)

    async def route(self, front: Front, *, within: timedelta = CONFIRM_WITHIN) -> None:
        """Change the routes alone, at once: the way back to stable waits for nobody's health.

        The clusters that `front` routes to are known to Envoy already. Errors as for `apply`.
        """
        async with self._changing:
            await self._route(front, within)

    async def _route(self, front: Front, within: timedelta) -> None:
        stat = f"http.{config.STAT_PREFIX}.rds.{front.service}"
        await self._change("rds", config.routes_file(front), stat, within)

    async def drained(self, clusters: list[str], *, within: timedelta = DRAIN_WITHIN) -> None:
        """Wait until no request is under way on these clusters, or raise ProviderUnavailable."""

        async def quiet() -> str:
            for name in clusters:
                seen = await self.admin.membership(name)
                if seen and seen.active:
                    return f"{seen.active} requests are still under way on {name}"
            return ""

        await _until(quiet, "drain", within)

    def _write_all(self, front: Front) -> None:
        self.layout.watched.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, endpoints in config.endpoint_files(front).items():
            write_atomic(self.layout.discovery(f"eds-{name}"), endpoints.text)
        write_atomic(self.layout.discovery("cds"), config.clusters_file(front, self.layout).text)
        write_atomic(self.layout.discovery("rds"), config.routes_file(front).text)
        write_atomic(self.layout.discovery("lds"), config.listener_file(front, self.layout).text)
        write_atomic(self.layout.bootstrap, _text(config.bootstrap(front, self.layout)))

    async def _validate(self, binary: Path, front: Front) -> None:
        checked = self.layout.folder / "checked.json"
        write_atomic(checked, _text(config.checked_bootstrap(front, self.layout)))
        try:
            await validate(binary, checked)
        finally:
            checked.unlink(missing_ok=True)

    async def _live(self, process: ProcessId, within: timedelta) -> None:
        async def listening() -> str:
            if not is_alive(process):
                raise refused("start", read_tail(self.layout.log))
            if not await self.admin.ready():
                return "not live yet"
            found = await self.admin.stats(
                r"^listener_manager\.(lds\.update_rejected|listener_create_failure|"
                r"total_listeners_active|listener_create_success)$"
            )
            failed = ("lds.update_rejected", "listener_create_failure")
            if any(found.get(f"listener_manager.{name}") for name in failed):
                raise refused("listen", read_tail(self.layout.log))
            listens = found.get("listener_manager.listener_create_success")
            return "" if listens else "not listening yet"

        await _until(listening, "start", within)

    async def _routable(self, front: Front, within: timedelta) -> None:
        """Wait for the clusters that routes are about to name for the first time."""
        new = {front.stable, front.canary} - _routed(self.layout.discovery("rds"))
        awaited = [cluster for cluster in front.clusters if cluster.name in new]

        async def healthy() -> str:
            found = await self.admin.stats(r"^cluster_manager\.warming_clusters$")
            if found.get("cluster_manager.warming_clusters"):
                return "clusters are still warming"
            for cluster in awaited:
                seen = await self.admin.membership(cluster.name)
                count = seen.healthy if seen else 0
                if count < len(cluster.endpoints):
                    return f"{count} of {len(cluster.endpoints)} replicas of {cluster.name} healthy"
            return ""

        await _until(healthy, "prepare clusters", within)

    async def _put(self, kind: str, wanted: Discovery) -> None:
        await asyncio.to_thread(write_atomic, self.layout.discovery(kind), wanted.text)

    async def _change(self, kind: str, wanted: Discovery, stat: str, within: timedelta) -> None:
        before = await self._rejected(stat)
        await self._put(kind, wanted)
        await self._version(stat, wanted.version, within, rejected=before)

    async def _rejected(self, stat: str) -> int:
        name = f"{stat}.update_rejected"
        return int((await self.admin.stats(f"^{name}$")).get(name, 0))

    async def _version(
        self, stat: str, version: str, within: timedelta, *, rejected: int | None = None
    ) -> None:
        async def applied() -> str:
            found = await self.admin.stats(rf"^{stat}\.(version_text|update_rejected)$")
            if found.get(f"{stat}.version_text") == version:
                return ""
            if rejected is not None and int(found.get(f"{stat}.update_rejected", 0)) > rejected:
                raise ProviderRefused("envoy", "apply", f"Envoy rejected its new {stat}")
            return f"Envoy has not taken its new {stat} yet"

        await _until(applied, "apply", within)


async def _until(pending: Callable[[], Awaitable[str]], what: str, within: timedelta) -> None:
    """Poll until nothing is pending; at the deadline raise with what still was."""
    deadline = time.monotonic() + within.total_seconds()
    while reason := await _asked(pending):
        if time.monotonic() > deadline:
            raise ProviderUnavailable("envoy", what, f"{reason} ({within.total_seconds():g} s)")
        await asyncio.sleep(_POLL_S)


async def _asked(pending: Callable[[], Awaitable[str]]) -> str:
    try:
        return await pending()
    except ProviderUnavailable as error:
        return error.reason  # asked again until the deadline


def _resources(path: Path) -> list[config.Json]:
    try:
        resources: list[config.Json] = json.loads(path.read_text(encoding="utf-8"))["resources"]
        return [resource for resource in resources if "name" in resource]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # somebody else's: it is about to be replaced


def _routed(path: Path) -> set[str]:
    try:
        return {name for routes in _resources(path) for name in routed_clusters(routes)}
    except (KeyError, TypeError, AttributeError):
        return set()


def _text(rendered: config.Json) -> str:
    return json.dumps(rendered, indent=1, sort_keys=True) + "\n"
