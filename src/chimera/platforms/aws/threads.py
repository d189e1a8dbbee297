"""The threads in which boto3 waits for AWS."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from chimera.ports.urgency import is_urgent


class Threads:
    """Those of one process, which all its accounts share.

    Urgent calls have as many of their own: what hangs in one account must not hold up what gives
    users back in another.
    """

    def __init__(self, width: int) -> None:
        self._patient = ThreadPoolExecutor(max_workers=width, thread_name_prefix="aws")
        self._urgent = ThreadPoolExecutor(max_workers=width, thread_name_prefix="aws-urgent")

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do it in a thread."""
        return (self._urgent if is_urgent() else self._patient).submit(work)

    def close(self) -> None:
        """Let go of them."""
        for pool in (self._patient, self._urgent):
            pool.shutdown(wait=False, cancel_futures=True)
