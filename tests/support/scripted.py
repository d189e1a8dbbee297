"""The service functions over a real ledger of told rollouts, with a script where an engine acts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from tests.support.stories import Story

from chimera.app.operations import Chimera
from chimera.app.reports import Answer, Line, LookView, PlanReport, RolloutView, Sweep
from chimera.app.settings import Settings
from chimera.core.access import Role
from chimera.core.analysis.outlook import Outlook
from chimera.core.plan import Rollout
from chimera.core.spec import Spec
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store

Frame = tuple[RolloutView, Sequence[Line], Sequence[LookView]]


@dataclass
class Script:
    """What the engine would do. asked: what was asked of it, in order.

    frames: what following a rollout shows; endless: and then nothing more, for ever.
    """

    plan: PlanReport | None = None
    frames: Sequence[Frame] = ()
    endless: bool = False
    answer: Answer = field(default_factory=lambda: Answer("paused at 25 %", accepted=True))
    sweep: Sweep = field(default_factory=lambda: Sweep(()))
    failure: Exception | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)


class ScriptedChimera(Chimera):
    """Reads as ever; acts by its script."""

    script: Script

    async def plan(
        self, spec: Spec, *, version: str = "", image: str = "", by: str = ""
    ) -> PlanReport:
        self.script.asked.append(("plan", spec.service, version, image))
        assert self.script.plan is not None
        return self.script.plan

    async def foresee(self, report: PlanReport, *, rate: float | None = None) -> PlanReport:
        return report  # nothing runs here that could be watched

    async def deploy(
        self,
        spec: Spec,
        *,
        version: str = "",
        image: str = "",
        by: str = "",
        plan: PlanReport | None = None,
        outlook: Outlook | None = None,
    ) -> Rollout:
        self.script.asked.append(("deploy", spec.service, version, image, by))
        if self.script.failure is not None:
            raise self.script.failure
        return self.script.frames[0][0].rollout

    async def request(
        self, ref: str, verb: str, *, by: str, role: Role, reason: str = "", key: str = ""
    ) -> Answer:
        self.script.asked.append((verb, ref, by, reason))
        return self.script.answer

    async def retry(self, ref: str, *, by: str) -> Rollout | Answer:
        self.script.asked.append(("retry", ref, by))
        return self.script.answer

    async def follow(self, ref: str) -> AsyncIterator[Frame]:
        for frame in self.script.frames:
            yield frame
        if self.script.endless:
            await asyncio.Event().wait()

    async def gc(self, *, dry_run: bool) -> Sweep:
        self.script.asked.append(("gc", str(dry_run)))
        return self.script.sweep

    async def down(self, service: str) -> Sweep:
        self.script.asked.append(("down", service))
        return self.script.sweep


def opener(script: Script) -> Callable[[Settings], AbstractAsyncContextManager[Chimera]]:
    """Return what stands in for `open_chimera`."""

    @asynccontextmanager
    async def open_scripted(settings: Settings) -> AsyncIterator[Chimera]:
        async with open_store(settings.ledger_url) as store:
            chimera = ScriptedChimera(settings, store, Catalog(store.inventory, str(settings.home)))
            chimera.script = script
            yield chimera

    return open_scripted


async def record(store: Store, story: Story) -> None:
    """Write a told rollout into a ledger, as the engine would have."""
    rollout = story.rollout
    await store.open_rollout(rollout, story.opened_at)
    await store.append(rollout.id, tuple(story.entries))
    for one in story.records:
        await store.append_look(rollout.id, one)


def frames_of(story: Story) -> list[Frame]:
    """Return what following the story from its beginning would have shown, event by event."""
    frames: list[Frame] = []
    shown = 0
    for line, entry in zip(story.lines, story.entries, strict=True):
        view = RolloutView(story.rollout, entry.state, story.opened_at, line.at, "")
        until = [one for one in story.looks if one.look.at <= line.at]
        frames.append((view, [line], until[shown:]))
        shown = len(until)
    return frames
