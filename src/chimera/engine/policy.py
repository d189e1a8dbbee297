"""How long each effect may take and how it is tried again; read by the workflow only.

A change here is safe with rollouts in flight: Temporal does not compare these on replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

from chimera.core.effects import AnyEffect, Commit, Prepare, RemoveOld, Restore, Shift, Watch
from chimera.core.plan import RolloutPlan
from chimera.engine.messages import Start

SLACK = timedelta(minutes=1)
FOREVER = timedelta(days=365)

# None of these ends by itself: the state machine's deadlines do, and a rollback never gives up.
PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
)
URGENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=5),
)
RECORDING = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=5),
)
RECORD_TIMEOUT = timedelta(seconds=30)
MAX_BATCH = 20
AGAIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Terms:
    """timeout: of one attempt. retry: of the attempts."""

    timeout: timedelta
    retry: RetryPolicy


def terms(plan: RolloutPlan, effect: AnyEffect) -> Terms:
    """Return how long an attempt at `effect` may take and how it is repeated."""
    if isinstance(effect, Restore):
        return Terms(SLACK, URGENT)
    if isinstance(effect, Watch):
        if effect.hold:
            return Terms(FOREVER, PATIENT)
        bake = plan.steps[effect.step].bake
        return Terms(2 * bake + plan.analysis.no_data_deadline + 60 * SLACK, PATIENT)
    if isinstance(effect, Prepare | Shift | Commit):
        return Terms(plan.progress_deadline + SLACK, PATIENT)
    return Terms(plan.drain_timeout + 10 * SLACK, PATIENT)


def longest_silence(start: Start, effect: AnyEffect) -> timedelta:
    """Return after how long without a heartbeat another worker takes over.

    A watch has half a lease for that: it was renewed at most a third before, so users keep their
    version. Every heartbeat is a write: with 3 s each, a busy server loses hundreds of watches.
    """
    if not isinstance(effect, Watch):
        return start.heartbeat
    return max(start.heartbeat, min(start.watch_heartbeat, start.rollout.plan.lease / 2))


def waits_for_ledger(effect: AnyEffect) -> bool:
    """Whether `effect` moves the rollout forward, which needs all that happened to be recorded.

    A watch keeps the lease and the users safe, and a rollback is never in doubt: they do not wait.
    """
    return isinstance(effect, Prepare | Shift | Commit | RemoveOld)
