"""Writing a rollout's history to the ledger from inside the workflow: in order, however long."""

from __future__ import annotations

from temporalio import workflow

from chimera.engine.messages import Record, Start
from chimera.engine.policy import MAX_BATCH, RECORD_TIMEOUT, RECORDING
from chimera.ports.ledger import Entry


class Recorder:
    """Appends entries one batch after the other; a ledger that is down is tried for ever."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._unrecorded: list[Entry] = []

    @property
    def idle(self) -> bool:
        """Whether the ledger has everything."""
        return not self._unrecorded

    def append(self, entry: Entry) -> None:
        """Add to what is to be recorded."""
        self._unrecorded.append(entry)

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            await workflow.wait_condition(lambda: bool(self._unrecorded))
            batch = tuple(self._unrecorded[:MAX_BATCH])
            await workflow.execute_activity(
                "record",
                Record(self._start.rollout.id, batch),
                start_to_close_timeout=RECORD_TIMEOUT,
                heartbeat_timeout=self._start.heartbeat,
                retry_policy=RECORDING,
            )
            del self._unrecorded[: len(batch)]
