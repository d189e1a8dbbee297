"""Describe one service's front: a port, clusters behind it, and which of them is stable."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, also for cookies
TOTAL_WEIGHT = 10_000  # Envoy's runtime takes integers only, so a weight is counted in 1/100 %

# sun_path is 108 bytes with its terminating zero; Envoy and Python cut or refuse what is longer.
SOCKET_PATH_LIMIT = 107


def check_name(what: str, name: str) -> str:
    """Return the name, or raise ValueError: it becomes part of statistics and runtime keys."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{what} '{name}' must be 1 to 60 letters, digits, '-' or '_'")
    return name


def check_socket_path(path: Path) -> Path:
    """Return the path of a unix socket, or raise ValueError when the system cannot hold it."""
    length = len(str(path).encode())
    if length > SOCKET_PATH_LIMIT:
        raise ValueError(
            f"the unix socket path {path} has {length} bytes, the limit is {SOCKET_PATH_LIMIT}: "
            "use a shorter folder"
        )
    return path


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where one replica listens: an IP address (not a host name) and a TCP port."""

    host: str
    port: int

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.host)
        check_port(self.port)


def check_port(port: int) -> int:
    """Return the TCP port, or raise ValueError."""
    if not 1 <= port <= 65535:
        raise ValueError(f"port {port} must be from 1 to 65535")
    return port


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Ask each replica with GET `path`; any 2xx is healthy. Counts are of consecutive answers."""

    path: str
    interval: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=1)
    healthy_after: int = 1
    unhealthy_after: int = 2

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"health check path '{self.path}' must begin with '/'")


@dataclass(frozen=True, slots=True)
class Cluster:
    """One revision's replicas under one name; an empty `endpoints` answers 503."""

    name: str
    endpoints: tuple[Endpoint, ...]
    health: HealthCheck | None = None
    protocol: Literal["http1", "http2"] = "http1"

    def __post_init__(self) -> None:
        check_name("cluster", self.name)


@dataclass(frozen=True, slots=True)
class TrafficOptions:
    """How requests are treated; zero means no limit.

    `response_idle` is the longest silence of a replica within one request (like nginx's
    proxy_read_timeout); `request` limits a whole request, streams and downloads included.
    `upstream_keepalive` stays under the idle timeout of common servers (gunicorn 2 s, node and
    uvicorn 5 s), or Envoy would now and then send a request into a closing connection.
    `trusted_hops` is the number of proxies in front whose x-forwarded-* headers are believed; None
    means 1 on a loopback address, else 0.
    """

    request: timedelta = timedelta(0)
    response_idle: timedelta = timedelta(seconds=60)
    connect: timedelta = timedelta(seconds=2)
    upstream_keepalive: timedelta = timedelta(seconds=1)
    trusted_hops: int | None = None
    sticky: bool = False
    sticky_cookie: str = "chimera-aff"
    override_header: str = "x-chimera"
    override_value: str = "canary"
    revision_header: str = "x-chimera-revision"  # "" leaves responses untouched

    def __post_init__(self) -> None:
        for name in (self.sticky_cookie, self.override_header or "-", self.revision_header or "-"):
            if not TOKEN.fullmatch(name):
                raise ValueError(f"'{name}' is not a name for a header or a cookie")


@dataclass(frozen=True, slots=True)
class Front:
    """One service's entry: `clusters` exist, `stable` and, if set, `canary` are routed to.

    The durable truth is always "everything on stable"; a canary gets traffic by a lease only.
    Raises ValueError when the parts do not fit.
    """

    service: str
    port: int
    clusters: tuple[Cluster, ...]
    stable: str
    canary: str | None = None
    address: str = "127.0.0.1"
    options: TrafficOptions = field(default_factory=TrafficOptions)

    def __post_init__(self) -> None:
        check_name("service", self.service)
        check_port(self.port)
        ipaddress.ip_address(self.address)
        names = [cluster.name for cluster in self.clusters]
        if len(set(names)) != len(names):
            raise ValueError(f"clusters of {self.service} must have distinct names, got {names}")
        for role, name in (("stable", self.stable), ("canary", self.canary)):
            if name is not None and name not in names:
                raise ValueError(f"{role} '{name}' is not among the clusters {names}")
        if self.stable == self.canary:
            raise ValueError(f"stable and canary are both '{self.stable}'")

    @property
    def layer(self) -> str:
        """Name the runtime layer that carries this front's lease."""
        return f"chimera.{self.service}"
