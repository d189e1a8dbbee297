"""How one practice range behaves."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chimera.core.errors import SpecError

# What CloudWatch accepts as a period below a minute.
_PERIODS_S = (1, 5, 10, 30, 60)


def _logo() -> tuple[str, ...]:
    # By its place: to import it would load the whole product.
    script = str(Path(__file__).parent.parent / "demo" / "logo.py")
    # Without site packages Python starts three times as fast.
    python = (sys.executable, "-I", "-S", script)
    return (*python, "--address", "{address}", "--port", "{port}", "--version", "{version}")


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one range; every default suits a person at a terminal.

    port: of the AWS endpoint, 0 for a free one. speed: how many times faster than AWS its metrics
    and agents run (60 makes a minute a second). propagation: from a changed route or target to the
    proxies that follow it. session: how long the session of an assumed role lasts at most.
    images: pattern -> command; {address}, {port}, {version} and {image} are filled in, the first
    pattern that fits the image without its registry wins. home: where logs and configurations go,
    a temporary folder by default.
    """

    port: int = 0
    region: str = "eu-west-1"
    speed: float = 60.0
    propagation: timedelta = timedelta(seconds=0.5)
    session: timedelta = timedelta(hours=1)
    seed: int = 1
    images: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"logo*": _logo()})
    home: Path | None = None

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise SpecError(f"speed {self.speed:g} must be above 0")
        if not 0 <= self.port <= 65535:
            raise SpecError(f"port {self.port} must be from 0 to 65535")
        if self.propagation < timedelta(0):
            raise SpecError("propagation must not be negative")

    @property
    def period_s(self) -> int:
        """The seconds between two points of a metric, one of CloudWatch's periods."""
        wanted = 60 / self.speed
        return next((period for period in _PERIODS_S if period >= wanted - 1e-9), 60)

    def scaled(self, seconds: float) -> float:
        """Return what `seconds` of AWS's time take here."""
        return seconds / self.speed
