"""What the canary's users met: the sum of the looks, and the counters as they are at the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chimera.core.model import Look, Met, Reading

BEGAN_ANEW = "the counters began anew meanwhile, as they do when a proxy is started again"
UNSEEN = "the metrics hold none of the canary"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What users met on the canary: requests, how many failed, for how long it had traffic.

    unknown: why there may have been more of them, or "". cut: requests that were still in flight on
    the version that went when its drain had lasted for `drained`.
    """

    requests: int = 0
    errors: int = 0
    duration: timedelta = timedelta(0)
    unknown: str = ""
    cut: int = 0
    drained: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known at the end. unknown: why there may have been more, or ""."""

    met: Met
    unknown: str = ""


def add(met: Met | None, look: Look) -> Met:
    """Return what users met up to a look; one that is a gap adds nothing."""
    former = met or Met()
    if look.gap:
        return former
    return Met(former.requests + look.canary.requests, former.errors + look.canary.errors)


def count(looked: Met | None, reading: Reading | None, trouble: str = "") -> Counted:
    """Return what users met, as far as looks and counters tell: each may miss some, none invents.

    looked: what the looks have summed, None if nobody did. reading: the counters now, which know of
    no time before a restart; None if they cannot be read. trouble: why either is missing, or "".
    """
    known = looked or Met()
    if reading is None or not reading.canary:
        return Counted(known, trouble or UNSEEN)
    now = Met(
        sum(sample.requests for sample in reading.canary),
        sum(sample.errors for sample in reading.canary),
    )
    most = Met(max(known.requests, now.requests), max(known.errors, now.errors))
    return Counted(most, trouble or (BEGAN_ANEW if most != now else ""))
