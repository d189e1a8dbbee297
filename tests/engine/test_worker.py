"""The worker's own settings of the SDK."""

from tests.support.engine import Rig

from chimera.engine.worker import LONGEST_DECISION_S, run_worker


async def test_a_decision_is_not_taken_for_a_deadlock_on_a_busy_machine(bare: Rig) -> None:
    """The SDK has no public setting: should its name change, this says so."""
    async with run_worker(bare.settings, bare.address, bare.deps) as worker:
        decisions = worker._workflow_worker
        assert decisions is not None
        assert decisions._deadlock_timeout_seconds == LONGEST_DECISION_S
