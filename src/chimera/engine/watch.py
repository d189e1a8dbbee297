"""Watching a step: renew the lease, look, judge, remember. It writes nothing but the lease."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from chimera.core import exposure
from chimera.core.analysis import judge, looks, skew
from chimera.core.effects import Watch
from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.events import AnyResult, Judged, LeaseExpired
from chimera.core.model import Judgement, Look, Met, Reading, Split, Verdict
from chimera.core.words import duration
from chimera.engine.job import Job, in_words, lease_ran_out, same
from chimera.engine.messages import WatchMemory
from chimera.engine.own import with_own
from chimera.ports.ledger import LookRecord

log = logging.getLogger(__name__)

MAX_MISHAPS = 5
PATIENCE_S = 1.0  # the lease waits to be renewed
# Of a source that has a point only now and then: how often to ask between two of them, after how
# many missing ones that is a gap, and how many of them later than the requests they may come.
LOOKS_PER_POINT = 4
OVERDUE_POINTS = 3
LATE_POINTS = 4


class Watcher:
    """One watch, from its start or from what a former worker's heartbeat says.

    Time is what was watched, by a monotonic clock: while no worker watched, nothing baked.
    first: the number of the first look.
    """

    def __init__(
        self, job: Job, effect: Watch, memory: WatchMemory | None = None, first: int = 0
    ) -> None:
        rollout = job.task.rollout
        self._job = job
        self._effect = effect
        self._plan = rollout.plan.analysis
        self._split = job.task.split(effect.weight)
        self._memory = memory or WatchMemory(looks=first)
        dumped = self._memory.judge
        self._judge = judge.load(dumped) if dumped else judge.begin(self._plan, effect.evidence)
        if self._memory.since is None:
            self._memory = replace(self._memory, since=job.clock.now())
        self._lease_s = rollout.plan.lease.total_seconds() / 3
        self._leased = job.platform.router.leased and effect.weight > 0
        self._looked_at = self._ticked_at = job.clock.monotonic()
        self._look_due = self._looked_at
        self._seamless = False
        self._mishaps = 0

    @property
    def _interval_s(self) -> float:
        """A look this often, seconds; some sources learn only by reading how rare they are."""
        return max(self._plan.interval.total_seconds(), self._job.platform.metrics.min_interval_s)

    @property
    def _lateness_s(self) -> float:
        """How late the numbers of a source that has a point only now and then may come."""
        rare = self._job.platform.metrics.min_interval_s >= self._plan.interval.total_seconds()
        return LATE_POINTS * self._interval_s if rare else 0.0

    async def run(self) -> AnyResult:
        """Watch until there is something to say."""
        if self._memory.met is None:
            self._memory = replace(self._memory, met=await self._met_before())
        due = self._ticked_at
        while True:
            found = await self._tick()
            if found is not None:
                return found
            now = self._job.clock.monotonic()
            tick_s = min(self._interval_s, self._lease_s) if self._leased else self._interval_s
            due = max(due + tick_s, now)
            await self._job.clock.sleep(min(due, max(self._look_due, now)) - now)

    async def _met_before(self) -> Met:
        """Return what the looks before this watch saw; without a ledger those of this one count."""
        try:
            call = self._job.looks.last(self._job.task.rollout.id)
            last = await self._job.limited(call, "read the last look", limit_s=PATIENCE_S)
        except Exception as error:
            log.warning("watch.former_looks_unknown", extra={"reason": in_words(error)})
            return Met()
        return (last.look.met if last else None) or Met()

    async def _tick(self) -> AnyResult | None:
        now = self._job.clock.monotonic()
        watched = self._memory.watched_s + now - self._ticked_at
        self._ticked_at = now
        self._memory = replace(self._memory, watched_s=watched)
        try:
            found, gap = await self._keep_lease()
            if found is None and now >= self._look_due:
                self._look_due = max(self._look_due + self._interval_s, now)
                found = await self._look(gap)
                self._look_due = min(self._look_due, now + self._interval_s)
            self._mishaps = 0
        except Exception as error:
            found = self._mishap(error)
        return found

    def _mishap(self, error: Exception) -> AnyResult | None:
        self._mishaps += 1
        log.exception("watch.mishap", extra={"rollout": self._job.task.rollout.id})
        return self._job.failed(in_words(error)) if self._mishaps >= MAX_MISHAPS else None

    async def _keep_lease(self) -> tuple[AnyResult | None, str]:
        """Renew and compare; return what ends the watch, and why the routes are unknown, or ""."""
        try:
            observed = await self._renew()
        except ProviderUnavailable as error:
            log.warning("watch.routes_unknown", extra={"reason": str(error)})
            return None, f"the routes cannot be read: {error}"
        except ProviderRefused as error:
            return self._job.failed(in_words(error)), ""
        if same(observed, self._split):
            return None, ""
        if lease_ran_out(self._job.platform.router.leased, self._split, observed):
            at, generation = self._job.clock.now(), self._effect.generation
            return LeaseExpired(at=at, generation=generation, expected=self._effect.weight), ""
        return self._job.foreign(self._split, observed), ""

    async def _renew(self) -> Split:
        if not self._effect.weight:
            return await self._job.read_routes()
        task = self._job.task
        call = self._job.platform.router.renew(
            task.rollout.service, self._split, task.fence, task.rollout.plan.lease
        )
        return await self._job.limited(call, "renew the lease")

    async def _look(self, gap: str) -> AnyResult | None:
        """Read and judge; the first reading is only what the next one is compared with."""
        reading, why = await self._read()
        before = self._memory.reading
        read_at = self._job.clock.monotonic()
        elapsed_s = read_at - self._looked_at
        if not (gap or why) and self._is_waiting(before, reading, elapsed_s):
            self._look_due = read_at + self._interval_s / LOOKS_PER_POINT
            return None
        self._looked_at = read_at
        if reading is not None and before is None and not gap and self._is_of_this_watch(reading):
            self._seamless = True
            self._keep(replace(self._memory, reading=reading))
            return None
        look = self._compare(before, reading, gap or why, elapsed_s)
        known = reading or before
        plan = skew.at_skew(self._plan, known.skew_s if known else 0.0)
        self._judge, judgement = judge.observe(plan, self._judge, look)
        memory = replace(self._memory, met=exposure.add(self._memory.met, look))
        look = replace(look, met=memory.met)
        self._job.looks.add(
            self._job.task.rollout.id,
            LookRecord(
                self._effect.generation, memory.looks, self._effect.step, look, reading, judgement
            ),
        )
        self._keep(
            replace(
                memory,
                looks=memory.looks + 1,
                baked_s=memory.baked_s + self._baked_s(look, elapsed_s),
                judge=judge.dump(self._judge),
                reading=self._remembered(before, reading),
            )
        )
        return self._conclude(look, judgement)

    def _is_waiting(self, before: Reading | None, after: Reading | None, elapsed_s: float) -> bool:
        """Whether the next point has just not come yet: that is no gap, unless it is long overdue.

        A point from before this watch counts for nothing: its requests met another weight.
        """
        if after is None:
            return False
        new = after.at > before.at if before else self._is_of_this_watch(after)
        return not new and elapsed_s < OVERDUE_POINTS * self._interval_s

    def _is_of_this_watch(self, found: Reading) -> bool:
        return self._memory.since is None or found.at >= self._memory.since

    def _baked_s(self, look: Look, elapsed_s: float) -> float:
        """Return how much of a look bakes: no more than somebody watched.

        Of an hour of which a worker saw the end alone, its counters tell all; it was no watch.
        """
        seamless, self._seamless = self._seamless, not look.gap
        if look.gap:
            return 0.0
        return min(look.span.total_seconds(), elapsed_s + (self._interval_s if seamless else 0.0))

    def _remembered(self, before: Reading | None, after: Reading | None) -> Reading | None:
        usable = after is not None and self._is_of_this_watch(after)
        return looks.remember(before, after) if after is not None and usable else before

    async def _read(self) -> tuple[Reading | None, str]:
        rollout = self._job.task.rollout
        call = self._job.platform.metrics.read(rollout.service, rollout.stable, rollout.canary)
        try:
            reading = await self._job.limited(call, "read the metrics")
            return await with_own(self._job.provider, rollout, reading), ""
        except (ProviderUnavailable, ProviderRefused) as error:
            log.warning("watch.metrics_unknown", extra={"reason": str(error)})
            return None, f"the metrics cannot be read: {error}"

    def _compare(
        self, before: Reading | None, after: Reading | None, gap: str, elapsed_s: float
    ) -> Look:
        if after is None or gap:
            span = timedelta(seconds=elapsed_s)
            return Look(at=self._job.clock.now(), span=span, weight=self._effect.weight, gap=gap)
        if after.at <= before.at if before else not self._is_of_this_watch(after):
            gap = f"the metrics have had nothing new for {duration(timedelta(seconds=elapsed_s))}"
            return Look(at=after.at, span=timedelta(0), weight=self._effect.weight, gap=gap)
        return looks.compare(before, after, self._effect.weight)

    def _keep(self, memory: WatchMemory) -> None:
        self._memory = self._job.beat.memory = memory
        self._job.beat.send()

    def _conclude(self, look: Look, judgement: Judgement) -> Judged | None:
        if judgement.verdict is Verdict.UNHEALTHY:
            return self._judged(judgement)
        if self._effect.hold:
            return None
        bake = self._job.task.rollout.plan.steps[self._effect.step].bake
        if not self._effect.weight and timedelta(seconds=self._memory.watched_s) >= bake:
            words = "no user traffic on the canary yet, so there is nothing to judge"
            return self._judged(replace(judgement, verdict=Verdict.HEALTHY, sentence=words))
        baked = timedelta(seconds=self._memory.baked_s)
        if judgement.verdict is Verdict.HEALTHY and not look.gap and baked >= bake:
            return self._judged(judgement)
        patience = self._plan.no_data_deadline + timedelta(seconds=self._lateness_s)
        if timedelta(seconds=self._memory.watched_s) < bake + patience:
            return None
        if judgement.verdict is Verdict.HEALTHY:
            seen = f"only {duration(baked)} of {duration(bake)} could be watched"
            why = f"{seen}: {look.gap}" if look.gap else seen
            judgement = replace(judgement, verdict=Verdict.INCONCLUSIVE, sentence=why)
        return self._judged(judgement)

    def _judged(self, judgement: Judgement) -> Judged:
        return Judged(
            at=self._job.clock.now(),
            generation=self._effect.generation,
            judgement=judgement,
            evidence=judge.dump(self._judge),
        )
