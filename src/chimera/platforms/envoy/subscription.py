"""The protocol with one Envoy: what it asked for, what is due to it, what it said. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chimera.platforms.envoy import proto
from chimera.platforms.envoy.leases import Lease, LeaseBook

BEATS_PER_TTL = 3


@dataclass(slots=True, eq=False)
class Subscription:
    """One stream. Times are seconds of a monotonic clock, given by the caller.

    Values go out at once when they change and again on every beat: only the whole resource renews
    its time to live, the protocol's empty heartbeat does not. An empty layer needs no beat.
    """

    book: LeaseBook
    ttl: timedelta
    names: tuple[str, ...] = ()
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> version, why
    _accepted: dict[str, str] = field(default_factory=dict)  # name -> version
    _blank: set[str] = field(default_factory=set)  # this Envoy has never had values for them
    _sent: dict[str, tuple[str, float]] = field(default_factory=dict)  # name -> version, when
    _pending: dict[str, tuple[str, str]] = field(default_factory=dict)  # nonce -> name, version
    _nonce: int = 0

    def heard(self, request: Any) -> str:
        """Take in a request; return the name of the layer that it refuses, else ""."""
        if not request.version_info and not request.response_nonce:
            self._blank.update(set(request.resource_names).difference(self.names))
        self.names = tuple(request.resource_names)
        name, version = self._pending.pop(request.response_nonce, ("", ""))
        if not name:
            return ""
        if request.HasField("error_detail"):
            self.refused[name] = (version, request.error_detail.message)
            return name
        self._accepted[name] = version
        return ""

    def accepted(self, name: str, lease: Lease) -> bool:
        """Tell whether this Envoy has taken exactly these values."""
        return self._accepted.get(name) == lease.version

    def due(self, now: float) -> list[Any]:
        """Return the responses to send now; they count as sent."""
        return [
            self._respond(name, lease, now)
            for name in self.names
            if (lease := self._next(name, now))
        ]

    def next_beat(self) -> float:
        """Return when something is due if nothing changes, infinite if never."""
        leases = ((name, self.book.get(name)) for name in self.names if name in self._sent)
        beats = (
            self._sent[name][1] + self._ttl_of(lease) / BEATS_PER_TTL
            for name, lease in leases
            if lease is not None and lease.values
        )
        return min(beats, default=math.inf)

    def _ttl_of(self, lease: Lease) -> float:
        # Never longer than the lease: if the controller dies, that is what was promised.
        return min(self.ttl.total_seconds(), lease.length)

    def _next(self, name: str, now: float) -> Lease | None:
        lease = self.book.get(name)
        if lease is None:
            # An Envoy that has values keeps them: they are leased, and not ours to end. One that
            # has none waits for an answer before it opens its port.
            blank = name in self._blank and name not in self._sent
            return self.book.blank() if blank else None
        version, at = self._sent.get(name, ("", -math.inf))
        beat = bool(lease.values) and now >= at + self._ttl_of(lease) / BEATS_PER_TTL
        return lease if beat or version != lease.version else None

    def _respond(self, name: str, lease: Lease, now: float) -> Any:
        self._nonce += 1
        nonce = str(self._nonce)
        self._sent[name] = (lease.version, now)
        self._pending[nonce] = (name, lease.version)
        ttl = timedelta(seconds=self._ttl_of(lease)) if lease.values else None
        return proto.runtime_response(
            name, lease.values, ttl=ttl, version=lease.version, nonce=nonce
        )
