"""A clock that only moves when it is told to, or when somebody sleeps on it."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)


class ManualClock:
    """Simulated time, from EPOCH and 1000 s."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += max(seconds, 0.0)
