"""One practice range: started, used through boto3 or the AWS CLI, stopped without a trace."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import threading
import time
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.sandbox.options import Options

if TYPE_CHECKING:
    from botocore.config import Config

    from chimera.sandbox.seed import Stack


class Sandbox:
    """An AWS in a box: `async with Sandbox() as box`, or `with`; then any client on `endpoint`.

    faults: what is made to go wrong; calls: what was asked; permissions: judge calls by a policy;
    world: all that exists in it. Raises ProviderRefused where it cannot run.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self._session: _At | None = None
        self.account = f"{random.randrange(10**11, 10**12)}"  # noqa: S311 - a name, not a secret

    def start(self) -> None:
        """Start the endpoint and the data plane."""
        try:
            from chimera.sandbox import patches
            from chimera.sandbox.calls import CallLog
            from chimera.sandbox.control import Control
            from chimera.sandbox.faults import Faults
            from chimera.sandbox.front import Front
            from chimera.sandbox.plane.plane import Plane
            from chimera.sandbox.server import Server
            from chimera.sandbox.world import World
        except ModuleNotFoundError as error:
            raise ProviderRefused(
                "sandbox", "start", str(error), hint="pip install 'chimera-canary[sandbox]'"
            ) from error
        patches.load()
        self._own_home = self.options.home is None
        self.home = self.options.home or Path(tempfile.mkdtemp(prefix="chimera-sandbox-"))
        self.world = World(self.account, self.options)
        self.faults = Faults(self.options.seed)
        self.calls = CallLog()
        front = Front(self.world, self.faults, self.calls)
        self.permissions = self.world.permissions
        self._plane = Plane(self.world, self.faults, self.home)
        try:
            self._server = Server(Control(self, front.answer).answer, self.options.port)
        except BaseException:
            self._plane.close()
            raise

    def stop(self) -> None:
        """Stop everything: no process, no file of the range's own is left."""
        self._server.close()
        self._plane.close()
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        """What AWS_ENDPOINT_URL must be."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def urls(self) -> dict[str, str]:
        """Where users come in: "mesh/router" or "balancer:port" -> URL."""
        return self._plane.urls

    def wait_for_url(self, front: str, within_s: float = 60.0) -> str:
        """Return the URL of a way in once it serves. Raises ProviderUnavailable."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if front in self.urls and _serves(self.urls[front]):
                return self.urls[front]
            time.sleep(0.05)
        raise ProviderUnavailable("sandbox", f"open {front}", "nothing answers there")

    @property
    def env(self) -> dict[str, str]:
        """The environment that points boto3 and the AWS CLI at this range."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "practice",
            "AWS_SECRET_ACCESS_KEY": "practice",
            "AWS_DEFAULT_REGION": self.options.region,
            "AWS_REGION": self.options.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            # DiscoverInstances goes to data-HOST, which no address has.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        }

    def session(self) -> Any:
        """Return a boto3 session whose clients talk to this range."""
        if self._session is not None:
            return self._session
        self._session = session_at(self.endpoint, self.options.region)
        return self._session

    async def seed(self, **wanted: Any) -> Stack:
        """Build a user's stack here; see `seed.build`."""
        from chimera.sandbox.seed import build

        return await asyncio.to_thread(build, self.session(), **wanted)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)


def _serves(url: str) -> bool:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=3)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def session_at(endpoint: str, region: str) -> _At:
    """Return a boto3 session whose clients talk to the range at `endpoint`."""
    import boto3
    from botocore.session import Session

    bare = Session()
    bare.register_component("data_loader", _models())
    session = boto3.Session(
        botocore_session=bare,
        aws_access_key_id="practice",
        aws_secret_access_key="practice",  # noqa: S106 - the range accepts anything
        region_name=region,
    )
    return _At(session, endpoint)


@cache
def _models() -> Any:
    """Return what reads the models of AWS, which are large: once for all sessions."""
    from botocore.loaders import create_loader

    return create_loader()


class _At:
    """A boto3 session with the range's endpoint for every client."""

    def __init__(self, session: Any, endpoint: str) -> None:
        self._session = session
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, name: str, config: Config | None = None, **more: Any) -> Any:
        """Return a client of a service; a plain one is made once, since its model is large."""
        with self._lock:
            if config or more:
                return self._make(name, config, **more)
            if name not in self._clients:
                self._clients[name] = self._make(name, None)
            return self._clients[name]

    def _make(self, name: str, config: Config | None, **more: Any) -> Any:
        from botocore.config import Config as Configuration

        merged = Configuration(inject_host_prefix=False).merge(config or Configuration())
        return self._session.client(name, endpoint_url=self._endpoint, config=merged, **more)
