"""A world of two versions to try rollouts on: no time, no I/O, every write a possible crash point.

`perform` is a generator per effect: each `yield` is a moment at which the one who carries it out
may die, be overtaken, or be resumed much later as a zombie. What must never happen is noted in
`broken`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

from chimera.core import events as e
from chimera.core.effects import (
    AnyEffect,
    Commit,
    Install,
    Prepare,
    RemoveCanary,
    RemoveOld,
    Restore,
    Shift,
    Watch,
)
from chimera.core.model import Judgement, Resource, Verdict
from chimera.core.state import Phase, State

OLD, NEW, BYSTANDER = "old", "new", "bystander"
PARTS = 2  # of infrastructure, for each version
# Made and recorded for another rollout; and made by hand, by somebody who took the canary's name.
STRANGERS = (
    Resource("part", "bystander-1", "service", BYSTANDER, "another"),
    Resource("part", "by-hand", "service", NEW),
)
Work = Generator[None, None, e.AnyResult]


class Overtaken(Exception):
    """A write was refused by its fence: a newer wish of the rollout is under way."""


class SimulatedWorld:
    """Who runs, who gets the traffic, and what went wrong.

    things: what infrastructure exists, by its id. inventory: what Chimera has written down of it.
    holder: the rollout that has the service. stable: the durable default; first: there was no
    version before. weight: of the canary, leased. verdict: what the next watch will say. stuck: of
    each version the last part does not go.
    """

    def __init__(self, *, verdict: Verdict = Verdict.HEALTHY, first: bool = False) -> None:
        self.things = {one.id: one for one in STRANGERS}
        self.inventory = {STRANGERS[0].id: STRANGERS[0]}
        self.holder = ""
        if not first:
            self._make(OLD)
        self.stable = "" if first else OLD
        self.first = first
        self.weight = 0
        self.verdict = verdict
        self.stuck = False
        self.condemned = False
        self.proven = False
        self.broken: list[str] = []
        self._fence = 0
        self._under_way = 0

    @property
    def share(self) -> int:
        """The canary's share of the traffic, in percent."""
        return 100 if self.stable == NEW else self.weight

    @property
    def running(self) -> set[str]:
        """The versions of which anything exists that is written down."""
        return {one.revision for one in self.inventory.values() if one.id in self.things}

    def take(self, rollout: str) -> bool:
        """Let a rollout have the service, as the ledger does; False while another one has it."""
        self.holder = self.holder or rollout
        return self.holder == rollout

    def let_go(self, rollout: str) -> None:
        """Take the service back from a rollout that is over."""
        self.holder = "" if self.holder == rollout else self.holder

    def recorded(self, version: str) -> tuple[Resource, ...]:
        """Return what is written down of a version."""
        return tuple(one for one in self.inventory.values() if one.revision == version)

    def perform(self, effect: AnyEffect, at: datetime) -> Work:
        """Carry out an effect; Overtaken if a newer one has written meanwhile."""
        return _PERFORM[type(effect)](self, effect, at)

    def lease_runs_out(self) -> None:
        """The dead-man's switch: all traffic back to the durable default."""
        self.weight = 0

    def edit(self, weight: int) -> None:
        """Somebody else changes the routes, as long as they name two versions."""
        if self.stable == OLD and NEW in self.running:
            self.weight = weight

    def observe(self, state: State) -> None:
        """See what the rollout knows: after an unhealthy verdict no rise is forgiven.

        But for one write that was under way at that moment: the restore overtakes it.
        """
        if state.condemned and not self.condemned:
            self.condemned = True
            self._under_way = state.generation - 1

    def faults_at_the_end(self, state: State) -> list[str]:
        """Return what is wrong with the world a finished rollout leaves behind."""
        before = "" if self.first else OLD
        won = NEW if state.phase is Phase.SUCCEEDED else before
        found = list(self.broken)
        if self.stable != won or self.weight:
            found.append(f"ended {state.phase} with {self.share} % on the new version")
        if self.running != {won, BYSTANDER} - {""}:
            found.append(f"ended {state.phase} and {sorted(self.running)} is left")
        if any(one.id not in self.things for one in STRANGERS):
            found.append("what a stranger made is gone")
        if state.phase is Phase.SUCCEEDED and self.condemned:
            found.append("an unhealthy version was promoted")
        return found

    def write(
        self,
        generation: int,
        *,
        stable: str | None = None,
        weight: int | None = None,
        start: str = "",
        remove: Resource | None = None,
    ) -> None:
        """Change the world under a fence, and note what must not happen."""
        if generation < self._fence:
            raise Overtaken
        self._fence = generation
        before = self.share
        self.stable = self.stable if stable is None else stable
        self.weight = self.weight if weight is None else weight
        if start:
            self._make(start)
        if remove is not None:
            self._remove(remove)
        if self.condemned and self.share > before and generation != self._under_way:
            self.broken.append("the traffic of an unhealthy version rose")
        if self.share and NEW not in self.running:
            self.broken.append("traffic goes to a canary that does not run")
        if self.stable == OLD and self.share < 100 and OLD not in self.running:
            self.broken.append("traffic goes to an old version that was removed")
        if stable == NEW and not (self.proven or self.first):
            self.broken.append("promoted before 100 % held for a healthy interval")

    def _make(self, version: str) -> None:
        for number in range(PARTS):
            one = Resource("part", f"{version}-{number}", "service", version)
            self.inventory[one.id] = self.things[one.id] = one

    def _remove(self, one: Resource) -> None:
        lost = NEW if self.stable in {OLD, ""} else OLD
        if one.revision != lost or one.id not in self.inventory:
            self.broken.append(f"removed {one}, which is not the version that lost")
        self.things.pop(one.id, None)
        self.inventory.pop(one.id, None)


def _prepare(world: SimulatedWorld, effect: Prepare, at: datetime) -> Work:
    yield
    world.write(effect.generation, start=NEW)
    yield
    return e.Prepared(at=at, generation=effect.generation)


def _install(world: SimulatedWorld, effect: Install, at: datetime) -> Work:
    yield
    world.write(effect.generation, start=NEW)
    yield
    world.write(effect.generation, stable=NEW)
    yield
    return e.Committed(at=at, generation=effect.generation)


def _foreign(world: SimulatedWorld, expected: int, generation: int, at: datetime) -> e.AnyResult:
    if world.weight == 0 < expected:
        return e.LeaseExpired(at=at, generation=generation, expected=expected)
    return e.ForeignEdit(
        at=at, generation=generation, expected=f"{expected} %", observed=f"{world.weight} %"
    )


def _shift(world: SimulatedWorld, effect: Shift, at: datetime) -> Work:
    known = {effect.weight_before, effect.weight, *effect.perhaps}
    if world.weight not in known and not effect.overwrite:
        return _foreign(world, effect.weight_before, effect.generation, at)
    yield
    world.write(effect.generation, weight=effect.weight)
    yield
    return e.Shifted(at=at, generation=effect.generation, weight=effect.weight)


def _watch(world: SimulatedWorld, effect: Watch, at: datetime) -> Work:
    yield
    world.write(effect.generation)  # renewing the lease is a fenced write
    if world.weight != effect.weight:
        return _foreign(world, effect.weight, effect.generation, at)
    verdict = world.verdict
    if effect.hold and verdict is not Verdict.UNHEALTHY:
        raise Overtaken  # a hold has no end of its own
    if verdict is Verdict.HEALTHY and world.share == 100:
        world.proven = True
    judgement = Judgement(at, verdict, f"it looks {verdict.value}")
    return e.Judged(at=at, generation=effect.generation, judgement=judgement)


def _commit(world: SimulatedWorld, effect: Commit, at: datetime) -> Work:
    if world.stable == OLD and world.weight not in {0, 100}:
        return _foreign(world, 100, effect.generation, at)
    yield
    world.write(effect.generation, stable=NEW)
    yield
    world.write(effect.generation, weight=0)
    yield
    return e.Committed(at=at, generation=effect.generation, requests=100, errors=1)


def _restore(world: SimulatedWorld, effect: Restore, at: datetime) -> Work:
    yield
    world.write(effect.generation, stable="" if world.first else OLD)
    yield
    world.write(effect.generation, weight=0)
    yield
    return e.Restored(at=at, generation=effect.generation, requests=100, errors=10)


def _remove(world: SimulatedWorld, effect: RemoveCanary | RemoveOld, at: datetime) -> Work:
    gone: list[Resource] = []
    yield
    found = world.recorded(NEW if isinstance(effect, RemoveCanary) else OLD)
    for one in found:
        if world.stuck and one is found[-1]:
            left, why = (one,), "it is stuck"
            return e.Removed(
                at=at, generation=effect.generation, removed=tuple(gone), left=left, reason=why
            )
        world.write(effect.generation, remove=one)
        gone.append(one)
        yield
    return e.Removed(at=at, generation=effect.generation, removed=tuple(gone))


_PERFORM: dict[type[AnyEffect], Callable[[SimulatedWorld, Any, datetime], Work]] = {
    Prepare: _prepare,
    Install: _install,
    Shift: _shift,
    Watch: _watch,
    Commit: _commit,
    Restore: _restore,
    RemoveCanary: _remove,
    RemoveOld: _remove,
}
