"""Listening with uvicorn inside this process, and ending it without cutting anybody off."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from chimera.app.doors import GuardSettings
from chimera.core.errors import EngineError, SpecError

ASK_S = 15.0  # so long a connection may take until its request is there
END_S = 5
_BACKLOG = 1_024
_OTHERS = 4_000  # connections that are no live views
_FILES = 65_536


class Patient(H11Protocol):
    """Closes a connection on which no request arrives: uvicorn would wait for ever."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(ASK_S, self._give_up, self.cycle)

    def _give_up(self, before: object) -> None:
        if self.cycle is before and not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._waiting.cancel()
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, which has more to end than this."""
        yield


def bind(settings: GuardSettings) -> socket.socket:
    """Take the port, before anything else is started; SpecError says why it cannot be had."""
    settings.refuse_open_bind()
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    taken = socket.socket(family)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((settings.host, settings.port))
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        place = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise SpecError(
                f"something else listens on {place} already",
                hint="end it, or choose another port: CHIMERA_LISTEN=127.0.0.1:8471; 0 takes a "
                "free one",
            ) from None
        raise SpecError(
            f"cannot listen on {place}: {error.strerror}", hint="set CHIMERA_LISTEN to host:port"
        ) from None
    return taken


@asynccontextmanager
async def listening(
    app: FastAPI, settings: GuardSettings, taken: socket.socket
) -> AsyncIterator[None]:
    """Serve an application on a port that was taken, while the block lasts.

    At the end live views are closed, requests under way are finished, within `END_S`.
    """
    _allow_many_files()
    config = uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.streams + _OTHERS,
        timeout_graceful_shutdown=END_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    _load(config, settings)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[taken]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise EngineError("the web server ended at its start")
            await asyncio.sleep(0.01)
        yield
    finally:
        await app.state.live.close()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await task


def _load(config: uvicorn.Config, settings: GuardSettings) -> None:
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise SpecError(
            f"the certificate {settings.tls_cert} cannot be used with {settings.tls_key}: {error}",
            hint="CHIMERA_TLS_CERT and CHIMERA_TLS_KEY are PEM files that belong together",
        ) from None


def _allow_many_files() -> None:
    """A live view is an open file each; the usual 1,024 would be too few for all of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
