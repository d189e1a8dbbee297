"""What a rollout wants done: the outputs of the state machine.

At most one effect is wanted at a time: a new one makes the former obsolete. Each carries the
generation under which it was issued; results must bring it back and writes must be fenced by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effect:
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare(_Effect):
    """Start the canary and wait until it is ready. Answer: Prepared or Failed."""

    kind: Literal["prepare"] = "prepare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Install(_Effect):
    """Run a service's very first version and give it all the traffic. Answer: Committed or Failed.

    There is no stable version: a failure is undone by removing what was made (RemoveCanary).
    """

    kind: Literal["install"] = "install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(_Effect):
    """Give the canary `weight` percent and read it back.

    Answer: Shifted, LeaseExpired (a leased router shows 0 where more was expected), ForeignEdit,
    Failed. weight_before: what the routes should say now; perhaps: what unfinished earlier shifts
    may have left instead. All but these and `weight` itself is a foreign edit, unless `overwrite`.
    """

    kind: Literal["shift"] = "shift"
    weight: int
    weight_before: int
    overwrite: bool = False
    perhaps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(_Effect):
    """Look, judge and keep the lease alive. Answer: Judged, LeaseExpired, ForeignEdit or Failed.

    hold: there is no end; only an unhealthy verdict ends it (a pause or a gate).
    evidence: the judge's memory from the watches before.
    """

    kind: Literal["watch"] = "watch"
    step: int
    weight: int
    hold: bool = False
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(_Effect):
    """Make the canary the durable stable version. Answer: Committed, ForeignEdit or Failed."""

    kind: Literal["commit"] = "commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(_Effect):
    """Give all traffic to the stable version, durably, and read it back; also undoes a Commit.

    Answer: Restored. A Failed is never taken for the end: it is tried again after a while.
    """

    kind: Literal["restore"] = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveCanary(_Effect):
    """Drain and remove the canary's infrastructure. Answer: Removed or Failed."""

    kind: Literal["remove_canary"] = "remove_canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveOld(_Effect):
    """Drain and remove the version that was stable before. Answer: Removed or Failed."""

    kind: Literal["remove_old"] = "remove_old"


AnyEffect = Prepare | Install | Shift | Watch | Commit | Restore | RemoveCanary | RemoveOld
Effect = Annotated[AnyEffect, Field(discriminator="kind")]
