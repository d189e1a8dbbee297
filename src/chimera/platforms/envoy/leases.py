"""Keep the book of leases: which values each runtime layer has, and until when. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum


class LeaseState(Enum):
    """How a layer came to its values."""

    HELD = "held"  # somebody renews it
    LAPSED = "lapsed"  # nobody renewed it in time: empty
    CLEARED = "cleared"  # given back on purpose: empty


@dataclass(frozen=True, slots=True)
class Lease:
    """A layer's values (empty = everything on stable), their version, and when they end.

    `ends` is in seconds of the caller's monotonic clock, infinite for an empty layer. `length` is
    how many seconds it was last given for: Envoy keeps no value longer without a beat.
    """

    values: Mapping[str, int]
    version: str
    ends: float
    state: LeaseState
    length: float = math.inf


@dataclass(slots=True)
class LeaseBook:
    """All leases of one server; `epoch` makes its versions differ from those of the one before."""

    epoch: str
    _leases: dict[str, Lease] = field(default_factory=dict)
    _count: int = 0

    def get(self, name: str) -> Lease | None:
        """Return the lease, or None for a layer that was never given values here."""
        return self._leases.get(name)

    def blank(self) -> Lease:
        """Return the empty values of a layer that nobody has given any."""
        return Lease({}, f"{self.epoch}.0", float("inf"), LeaseState.CLEARED)

    def grant(
        self, name: str, values: Mapping[str, int], until: float, length: float = math.inf
    ) -> Lease:
        """Give a layer its values until a time; equal values keep their version."""
        held = self._leases.get(name)
        if held and held.state is LeaseState.HELD and held.values == values:
            return self._put(name, replace(held, ends=until, length=length))
        version = self._version()
        return self._put(name, Lease(dict(values), version, until, LeaseState.HELD, length))

    def renew(
        self, name: str, values: Mapping[str, int], until: float, length: float = math.inf
    ) -> bool:
        """Extend a lease that is held with these values; False changes nothing.

        A lapsed lease is not revived: traffic went back, and sending it out again is a decision.
        """
        held = self._leases.get(name)
        if not held or held.state is not LeaseState.HELD or held.values != values:
            return False
        self._put(name, replace(held, ends=until, length=length))
        return True

    def clear(self, name: str) -> Lease:
        """Empty a layer on purpose; doing it again changes nothing."""
        held = self._leases.get(name)
        if held and held.state is LeaseState.CLEARED:
            return held
        return self._empty(name, LeaseState.CLEARED)

    def lapse(self, now: float) -> list[str]:
        """Empty every layer whose lease has ended; return their names."""
        late = [name for name, lease in self._leases.items() if lease.ends <= now]
        for name in late:
            self._empty(name, LeaseState.LAPSED)
        return late

    def next_end(self) -> float:
        """Return when the next lease ends, infinite if none does."""
        return min((lease.ends for lease in self._leases.values()), default=float("inf"))

    def _empty(self, name: str, state: LeaseState) -> Lease:
        return self._put(name, Lease({}, self._version(), float("inf"), state))

    def _put(self, name: str, lease: Lease) -> Lease:
        self._leases[name] = lease
        return lease

    def _version(self) -> str:
        self._count += 1
        return f"{self.epoch}.{self._count}"
