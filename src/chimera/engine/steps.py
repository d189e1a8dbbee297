"""Each effect but the watch, carried out with the ports: read, write, read back."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from chimera.core.effects import (
    Commit,
    Install,
    Prepare,
    RemoveCanary,
    RemoveOld,
    Restore,
    Shift,
    Watch,
)
from chimera.core.errors import ChimeraError, ProviderUnavailable
from chimera.core.events import (
    AnyResult,
    Committed,
    Judged,
    LeaseExpired,
    Prepared,
    Removed,
    Restored,
    Shifted,
)
from chimera.core.exposure import Counted
from chimera.core.model import Met, Revision, Split
from chimera.engine.beat import last_memory
from chimera.engine.exposure import exposure
from chimera.engine.job import Job, in_words, lease_ran_out, same
from chimera.engine.watch import Watcher
from chimera.ports.urgency import urgent

log = logging.getLogger(__name__)

READ_BACK_S = 10.0
REMOVE_S = 300.0
SHARE_OF_DEADLINE = 0.95
# A shift that watches while it scales numbers its looks from here, apart from a watch's own.
LOOKS_OF_A_SHIFT = 1_000_000


async def perform(job: Job) -> AnyResult:
    """Carry out the job's effect and return its result."""
    effect, rollout = job.task.effect, job.task.rollout
    match effect:
        case Prepare():
            return await prepare(job)
        case Install():
            return await install(job)
        case Shift():
            return await shift(job, effect)
        case Watch():
            return await Watcher(job, effect, job.beat.memory or last_memory()).run()
        case Commit():
            return await commit(job)
        case Restore():
            return await restore(job)
        case RemoveCanary():
            return await remove(job, rollout.canary)
        case RemoveOld():
            return await remove(job, rollout.stable)


async def prepare(job: Job) -> AnyResult:
    """Start the canary beside stable, without traffic."""
    rollout, plan = job.task.rollout, job.task.rollout.plan
    limit = plan.progress_deadline * SHARE_OF_DEADLINE
    call = job.platform.orchestrator.start(
        rollout.service, rollout.canary, plan.canary_replicas, job.task.fence
    )
    try:
        async with asyncio.timeout(limit.total_seconds()):
            made = await call
    except TimeoutError:
        return job.failed(await _not_ready(job, limit))
    return Prepared(
        at=job.clock.now(), generation=job.task.effect.generation, resources=tuple(made)
    )


async def _not_ready(job: Job, limit: timedelta) -> str:
    rollout = job.task.rollout
    reason = f"{rollout.canary.name} was not ready within {limit.total_seconds():.0f} s"
    with suppress(Exception):
        found = await job.limited(
            job.platform.orchestrator.readiness(rollout.service, rollout.canary), "readiness"
        )
        reason = f"{reason}: {found.ready} of {found.wanted} answer"
        reason = f"{reason}; {found.detail}" if found.detail else reason
    return reason


async def install(job: Job) -> AnyResult:
    """Run the service's very first version."""
    rollout = job.task.rollout
    limit = rollout.plan.progress_deadline * SHARE_OF_DEADLINE
    call = job.platform.orchestrator.install(rollout.service, rollout.canary, job.task.fence)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await call
    except TimeoutError:
        return job.failed(await _not_ready(job, limit))
    return Committed(at=job.clock.now(), generation=job.task.effect.generation)


async def shift(job: Job, effect: Shift) -> AnyResult:
    """Give the canary its weight, if the routes are as they should be and it is ready for it."""
    task = job.task
    router = job.platform.router
    observed = await job.read_routes()
    unexpected = _unexpected(job, effect, observed)
    if unexpected is not None:
        return unexpected
    found = await _make_ready(job, effect, observed.weight)
    if found is not None:
        return found
    wanted = task.split(effect.weight)
    plan = task.rollout.plan
    await router.set_weights(task.rollout.service, wanted, task.fence, plan.lease)
    observed = await _read_back(job, wanted)
    if not same(observed, wanted):
        return _unexpected(job, effect, observed) or job.foreign(wanted, observed)
    return Shifted(at=job.clock.now(), generation=effect.generation, weight=effect.weight)


def _unexpected(job: Job, effect: Shift, observed: Split) -> AnyResult | None:
    if effect.overwrite:
        return None
    known = (effect.weight_before, effect.weight, *effect.perhaps)
    if any(same(observed, job.task.split(weight)) for weight in known):
        return None
    expected = job.task.split(effect.weight_before)
    if lease_ran_out(job.platform.router.leased, expected, observed):
        return LeaseExpired(
            at=job.clock.now(), generation=effect.generation, expected=effect.weight_before
        )
    return job.foreign(expected, observed)


async def _make_ready(job: Job, effect: Shift, weight: int) -> AnyResult | None:
    """Bring the canary up to what it is about to take; users on it stay under watch meanwhile."""
    readying = asyncio.create_task(_until_ready(job, effect))
    if not weight:
        return await readying
    former = Watch(
        generation=effect.generation,
        step=max(job.task.step - 1, 0),
        weight=weight,
        hold=True,
        evidence=job.task.evidence,
    )
    watching = asyncio.create_task(Watcher(job, former, first=LOOKS_OF_A_SHIFT).run())
    tasks = (readying, watching)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if readying.done():
            return await readying
        found = await watching
        # An alarm during a shift counts as the last word of the watch before it.
        if isinstance(found, Judged):
            return replace(found, generation=effect.generation - 1)
        return found
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_ready(job: Job, effect: Shift) -> AnyResult | None:
    rollout = job.task.rollout
    orchestrator = job.platform.orchestrator
    limit = rollout.plan.progress_deadline * SHARE_OF_DEADLINE
    until = job.clock.monotonic() + limit.total_seconds()
    while True:
        try:
            if effect.weight == 100:
                await orchestrator.scale_to_stable(rollout.service, rollout.canary, job.task.fence)
            call = orchestrator.readiness(rollout.service, rollout.canary)
            if (await job.limited(call, "readiness")).ok:
                return None
        except ProviderUnavailable as error:
            log.warning("shift.readiness_unknown", extra={"reason": str(error)})
        if job.clock.monotonic() >= until:
            return job.failed(await _not_ready(job, limit))
        await job.clock.sleep(0.5)


async def _read_back(job: Job, wanted: Split) -> Split:
    """Read until the data plane shows `wanted`, for READ_BACK_S; return the last reading."""
    until = job.clock.monotonic() + READ_BACK_S
    pause_s = 0.02
    while True:
        observed = await job.read_routes()
        if same(observed, wanted) or job.clock.monotonic() >= until:
            return observed
        await job.clock.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


async def commit(job: Job) -> AnyResult:
    """Make the canary the durable stable version."""
    rollout, fence = job.task.rollout, job.task.fence
    router = job.platform.router
    observed = await job.read_routes()
    expected, committed = job.task.split(100), Split(rollout.canary.name)
    fine = (
        same(observed, expected)
        or same(observed, committed)
        or lease_ran_out(router.leased, expected, observed)
    )
    if not fine:
        return job.foreign(expected, observed)
    await router.commit(rollout.service, rollout.stable, rollout.canary, fence, rollout.plan.lease)
    observed = await _read_back(job, committed)
    if not same(observed, committed):
        raise ProviderUnavailable(job.platform.name, "commit", f"the routes still say {observed}")
    counted = await exposure(job)
    return Committed(
        at=job.clock.now(),
        generation=fence.generation,
        requests=counted.met.requests,
        errors=counted.met.errors,
        unknown=counted.unknown,
    )


async def restore(job: Job) -> AnyResult:
    """Give all traffic to stable: this first, then what users met."""
    rollout, fence = job.task.rollout, job.task.fence
    counted = Counted(Met())
    if not rollout.plan.install:
        router = job.platform.router
        with urgent():
            call = router.restore(rollout.service, rollout.stable, rollout.canary, fence)
            await job.limited(call, "restore", limit_s=30)
            observed = await _read_back(job, Split(rollout.stable.name))
        if not same(observed, Split(rollout.stable.name)):
            reason = f"the routes still say {observed}"
            raise ProviderUnavailable(job.platform.name, "restore", reason)
        counted = await exposure(job)
    return Restored(
        at=job.clock.now(),
        generation=fence.generation,
        requests=counted.met.requests,
        errors=counted.met.errors,
        unknown=counted.unknown,
    )


async def _is_alone(job: Job) -> bool:
    """Whether the service has no other version: only then does undoing an install remove it all."""
    rollout = job.task.rollout
    stable = await job.platform.orchestrator.stable(rollout.service)
    return stable is None or stable.name == rollout.canary.name


async def remove(job: Job, revision: Revision) -> AnyResult:
    """Drain and remove a version without traffic; what cannot be removed is said, not hidden."""
    rollout, fence = job.task.rollout, job.task.fence
    drain = rollout.plan.drain_timeout
    at, generation = job.clock.now, fence.generation
    if rollout.plan.install and await _is_alone(job):
        gone = await job.platform.orchestrator.uninstall(rollout.service, fence)
        return Removed(at=at(), generation=generation, removed=tuple(gone))
    call = job.platform.router.drain(rollout.service, revision, fence, drain)
    cut = await job.limited(call, "drain", limit_s=drain.total_seconds() + REMOVE_S)
    if cut:
        log.warning("drain.cut", extra={"rollout": rollout.id, "requests": cut})
    try:
        removing = job.platform.orchestrator.remove(rollout.service, revision, fence)
        gone, left = await job.limited(removing, "remove", limit_s=REMOVE_S)
    except ChimeraError as error:
        if not cut:
            raise
        return Removed(at=at(), generation=generation, reason=in_words(error), cut=cut)
    return Removed(
        at=at(),
        generation=generation,
        removed=tuple(gone),
        left=tuple(left),
        reason=f"could not remove {', '.join(map(str, left))}" if left else "",
        cut=cut,
    )
