"""Lease weights to Envoy over a gRPC stream: the dead-man's switch.

Every beat resends the whole layer with a time to live. When this process dies, freezes or loses
its connection, Envoy drops the layer by itself and everything is on stable. When the process lives
but nobody renews the lease, the server empties the layer. A layer that was never given values here
is left alone, so that a restarted controller does not disturb a split that is still leased.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import math
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.envoy import proto
from chimera.platforms.envoy.leases import Lease, LeaseBook
from chimera.platforms.envoy.model import check_socket_path
from chimera.platforms.envoy.subscription import Subscription

log = logging.getLogger(__name__)

DEFAULT_TTL = timedelta(seconds=15)
DEFAULT_LEASE = timedelta(seconds=30)
CONFIRM_WITHIN = timedelta(seconds=5)


class RtdsServer:
    """Serve runtime layers on a unix socket; one instance per socket, many Envoys.

    `ttl` is the longest that Envoy keeps values after the last beat; the length of a shorter lease
    goes before it, and a beat is a third of it. `start` raises ProviderUnavailable when another
    process serves the socket.
    """

    def __init__(self, socket: Path, *, ttl: timedelta = DEFAULT_TTL) -> None:
        self._socket = check_socket_path(socket)
        self._ttl = ttl
        self._book = LeaseBook(epoch=f"{time.time_ns():x}")
        self._streams: dict[Subscription, asyncio.Event] = {}  # and what wakes its writer
        self._news = asyncio.Event()
        self._server: grpc.aio.Server | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._lock: int | None = None

    async def __aenter__(self) -> RtdsServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; only the owner of the socket may connect (mode 0600)."""
        self._lock = _lock_socket(self._socket)
        server = grpc.aio.server()
        handler = grpc.stream_stream_rpc_method_handler(
            self._serve,
            request_deserializer=proto.DiscoveryRequest.FromString,
            response_serializer=proto.DiscoveryResponse.SerializeToString,
        )
        methods = {proto.STREAM_METHOD: handler}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(proto.SERVICE, methods),)
        )
        server.add_insecure_port(f"unix:{self._socket}")
        await server.start()
        self._socket.chmod(0o600)
        self._server = server
        self._keeper = asyncio.create_task(self._keep_leases())

    async def stop(self) -> None:
        """Close all streams; leased values stay in Envoy until their time to live is over."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._server:
            await self._server.stop(grace=None)
        if self._lock is not None:
            os.close(self._lock)
        self._server = self._keeper = self._lock = None

    async def set(
        self,
        name: str,
        values: Mapping[str, int],
        lease: timedelta = DEFAULT_LEASE,
        *,
        within: timedelta = CONFIRM_WITHIN,
    ) -> None:
        """Give layer `name` these values for `lease`, and return once every Envoy took them.

        Raises ProviderRefused with Envoy's words, or ProviderUnavailable if there was no answer
        within `within` or the values were replaced meanwhile. The lease runs in either case.
        """
        length = lease.total_seconds()
        granted = self._book.grant(name, values, self._now() + length, length)
        self._tell()
        await self._confirmed(name, granted, "set weights", within)

    async def clear(self, name: str, *, within: timedelta = CONFIRM_WITHIN) -> None:
        """Take all values from layer `name` (everything on stable); errors as for `set`."""
        emptied = self._book.clear(name)
        self._tell()
        await self._confirmed(name, emptied, "clear weights", within)

    def renew(self, name: str, values: Mapping[str, int], lease: timedelta = DEFAULT_LEASE) -> bool:
        """Extend the lease of unchanged values; False if they lapsed, changed or never were."""
        self._lapse()
        length = lease.total_seconds()
        renewed = self._book.renew(name, values, self._now() + length, length)
        self._tell()
        return renewed

    def lease(self, name: str) -> Lease | None:
        """Return what this server holds for a layer, None if it was never given values here."""
        return self._book.get(name)

    def connected(self, name: str) -> int:
        """Return how many Envoys are connected for a layer."""
        return sum(name in stream.names for stream in self._streams)

    async def _keep_leases(self) -> None:
        while True:
            self._lapse()
            await _wait(self._news, self._book.next_end() - self._now())

    def _lapse(self) -> None:
        late = self._book.lapse(self._now())
        for name in late:
            log.warning("envoy.lease.lapsed", extra={"layer": name})
        if late:
            self._tell()

    async def _confirmed(self, name: str, lease: Lease, what: str, within: timedelta) -> None:
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not self._accepted(name, lease, what):
                    await self._news.wait()
        except TimeoutError:
            seconds = within.total_seconds()
            reason = "has not confirmed" if self.connected(name) else "has not connected"
            raise ProviderUnavailable("envoy", what, f"Envoy {reason} in {seconds:g} s") from None

    def _accepted(self, name: str, lease: Lease, what: str) -> bool:
        current = self._book.get(name)
        if current is None or current.version != lease.version:
            raise ProviderUnavailable("envoy", what, "other values were set meanwhile")
        listening = [stream for stream in self._streams if name in stream.names]
        for stream in listening:
            version, why = stream.refused.get(name, ("", ""))
            if version == lease.version:
                raise ProviderRefused("envoy", what, why)
        return bool(listening) and all(stream.accepted(name, lease) for stream in listening)

    def _tell(self) -> None:
        """Wake everybody who waits for a change: streams, waiters, the keeper of leases."""
        for wake in self._streams.values():
            wake.set()
        self._news.set()
        self._news = asyncio.Event()

    async def _serve(self, requests: AsyncIterator[Any], context: Any) -> None:
        stream, wake = Subscription(self._book, self._ttl), asyncio.Event()
        self._streams[stream] = wake
        reader = asyncio.create_task(self._read(stream, requests))
        reader.add_done_callback(lambda task: _ended(task, wake))
        try:
            while not reader.done():
                wake.clear()
                self._lapse()  # after a freeze the lease counts, not the overdue beat
                for response in stream.due(self._now()):
                    await context.write(response)
                await _wait(wake, stream.next_beat() - self._now())
        finally:
            del self._streams[stream]
            reader.cancel()
            self._tell()

    async def _read(self, stream: Subscription, requests: AsyncIterator[Any]) -> None:
        async for request in requests:
            if refused := stream.heard(request):
                _, why = stream.refused[refused]
                log.error("envoy.lease.refused", extra={"layer": refused, "reason": why})
            self._tell()

    @staticmethod
    def _now() -> float:
        return time.monotonic()


def _ended(reader: asyncio.Task[None], wake: asyncio.Event) -> None:
    if not reader.cancelled() and (error := reader.exception()):
        log.warning("envoy.lease.stream_broken", extra={"reason": repr(error)})
    wake.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(None if math.isinf(seconds) else seconds):
            await event.wait()


def _lock_socket(socket: Path) -> int:
    """Hold the socket for this process: a second server would take it over without a word."""
    descriptor = os.open(f"{socket}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ProviderUnavailable(
            "envoy", "start the lease server", f"another process serves {socket}"
        ) from None
    return descriptor
