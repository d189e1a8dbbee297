"""A practice service with the simulated worlds' latency; its version's name says what is wrong.

`errors10-7` fails 10 % more of its requests than healthy versions, `slow2-7` takes twice as long.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re

from chimera.bench.judge.world import MEDIAN_MS, SIGMA
from chimera.demo.logo import HEALTH, LogoService

USUAL_ERRORS = 0.001


class Practice(LogoService):
    """Serves like the demo's service, after a time drawn for each request."""

    def __init__(self, version: str, error_rate: float, slowdown: float) -> None:
        super().__init__(version, error_rate, 0.0)
        self._median_s = MEDIAN_MS * slowdown / 1000

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        if f" {HEALTH} " not in head:
            drawn = random.lognormvariate(0.0, SIGMA)
            await asyncio.sleep(self._median_s * drawn)
        await super()._answer(head, writer)


def fault(version: str) -> tuple[float, float]:
    """Return (error rate, slowdown) of a version."""
    errors = re.match(r"errors(\d+)-", version)
    slow = re.match(r"slow(\d+)-", version)
    rate = USUAL_ERRORS + (int(errors[1]) / 100 if errors else 0.0)
    return rate, float(slow[1]) if slow else 1.0


def main() -> None:
    """Run the service from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", default="healthy-0")
    given = parser.parse_args()
    asyncio.run(Practice(given.version, *fault(given.version)).serve(given.port))


if __name__ == "__main__":
    main()
