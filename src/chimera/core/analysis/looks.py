"""From cumulative counters to what happened in between: `compare(before, after, weight) -> Look`.

Counters are paired per instance and subtracted raw; rates are never extrapolated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from chimera.core.model import Look, OwnLook, OwnReading, Reading, Sample, Tally
from chimera.core.words import count

MAX_ABSENT = 64


class _Unusable(Exception):
    """Why two readings cannot be compared, as a sentence."""


def compare(before: Reading | None, after: Reading, weight: int) -> Look:
    """Return what both arms did between two readings; `gap` says why if that cannot be known.

    An instance seen in both counts its difference; one whose counters fell was restarted and counts
    from zero; one that is new in an arm seen before started in between and counts from zero. The
    first reading of an arm is only a baseline. An arm that gets no traffic at this weight may be
    absent. `notes` say what was set right.
    """
    if before is None:
        return _gap(after, weight, timedelta(0), "this is the first reading: the baseline")
    span = after.at - before.at
    if span <= timedelta(0):
        return _gap(after, weight, timedelta(0), "the reading is not newer than the one before")
    notes: list[str] = []
    try:
        canary = _arm("canary", before.canary, after.canary, notes, needed=weight > 0)
        stable = _arm("stable version", before.stable, after.stable, notes, needed=weight < 100)
        if canary.bounds_ms and stable.bounds_ms and canary.bounds_ms != stable.bounds_ms:
            raise _Unusable("canary and stable count latency in different buckets")
    except _Unusable as why:
        return replace(_gap(after, weight, span, str(why)), notes=tuple(notes))
    own = tuple(_own(before, each, notes) for each in after.own)
    return Look(after.at, span, weight, canary, stable, notes=tuple(notes), own=own)


def _own(before: Reading, after: OwnReading, notes: list[str]) -> OwnLook:
    """Return what an operator's own metric did between two readings; counters are paired."""
    if after.why:
        return OwnLook(after.name, why=after.why)
    then = _former(before, after)
    if not (after.canary or after.stable):
        if not _is_news(then, after):
            return OwnLook(after.name)
        return OwnLook(after.name, value=after.value, stable_value=after.stable_value)
    try:
        canary = _arm(f"canary's {after.name}", then.canary, after.canary, notes, needed=True)
        stable = _arm(f"stable's {after.name}", then.stable, after.stable, notes, needed=False)
    except _Unusable as why:
        return OwnLook(after.name, why=str(why))
    return OwnLook(after.name, canary, stable)


def _former(before: Reading, after: OwnReading) -> OwnReading:
    return next((one for one in before.own if one.name == after.name), OwnReading(after.name))


def _is_news(before: OwnReading, after: OwnReading) -> bool:
    """Return whether each value was measured later than the one before, as far as that is known."""
    both = ((before.value_at, after.value_at), (before.stable_value_at, after.stable_value_at))
    return all(then is None or now is None or now > then for then, now in both)


def remember(before: Reading | None, after: Reading) -> Reading:
    """Return what the next reading is to be compared with.

    That is `after`, and from `before` the instances it lacks: one that returns after a scrape
    missed it must not count its whole life again. Of an operator's own metric it is what was used
    last.
    """
    if before is None:
        return after
    return replace(
        after,
        canary=_with_absent(before.canary, after.canary),
        stable=_with_absent(before.stable, after.stable),
        own=tuple(_remember_own(_former(before, one), one) for one in after.own),
    )


def _remember_own(before: OwnReading, after: OwnReading) -> OwnReading:
    if after.why or not _is_news(before, after):
        return before
    return replace(
        after,
        canary=_with_absent(before.canary, after.canary),
        stable=_with_absent(before.stable, after.stable),
    )


def _with_absent(before: tuple[Sample, ...], after: tuple[Sample, ...]) -> tuple[Sample, ...]:
    present = {sample.source for sample in after}
    absent = tuple(sample for sample in before if sample.source not in present)
    return after + absent[:MAX_ABSENT]


def _gap(after: Reading, weight: int, span: timedelta, why: str) -> Look:
    return Look(at=after.at, span=span, weight=weight, gap=why)


def _arm(
    name: str,
    before: tuple[Sample, ...],
    after: tuple[Sample, ...],
    notes: list[str],
    *,
    needed: bool,
) -> Tally:
    if not after or not before:
        if not needed:
            return Tally()
        missing = "was not seen" if not after else "is seen for the first time: the baseline"
        raise _Unusable(f"the {name} {missing}")
    former, now = _by_source(before), _by_source(after)
    mended = Counter(twice=len(after) - len(now), gone=len(former.keys() - now.keys()))
    total = Tally()
    for source, sample in now.items():
        total = add(total, _difference(name, former.get(source), sample, mended))
    notes += [
        f"{name}: {count(mended[kind], 'instance')} {words}"
        for kind, words in _MENDED.items()
        if mended[kind]
    ]
    return total


_MENDED = {
    "new": "started, counted from zero",
    "restarted": "restarted, counted from zero",
    "gone": "not seen, left out until it returns",
    "twice": "reported twice, counted once",
    "late": "with more errors than requests yet, counted as that many requests",
}


def _by_source(arm: tuple[Sample, ...]) -> dict[str, Sample]:
    """Index an arm; of an instance reported twice the fuller sample counts."""
    samples: dict[str, Sample] = {}
    for sample in arm:
        known = samples.get(sample.source)
        if known is None or sample.requests > known.requests:
            samples[sample.source] = sample
    return samples


def _difference(name: str, before: Sample | None, after: Sample, mended: Counter[str]) -> Tally:
    if before is not None and before.bounds_ms != after.bounds_ms:
        if before.timed and after.timed:
            raise _Unusable(f"the latency buckets of the {name} changed")
        before = replace(before, bounds_ms=after.bounds_ms, counts=(0,) * len(after.counts))
    if before is None or _fell(before, after):
        mended["new" if before is None else "restarted"] += 1
        before = Sample(after.source, 0, 0, after.bounds_ms, (0,) * len(after.counts))
    counts = [now - then for now, then in zip(after.counts, before.counts, strict=True)]
    edges = [0, *counts, after.timed - before.timed] if after.bounds_ms else []
    cells = tuple(high - low for low, high in pairwise(edges))
    if min(cells, default=0) < 0:
        raise _Unusable(f"the latency buckets of the {name} contradict each other")
    requests, errors = after.requests - before.requests, after.errors - before.errors
    mended["late"] += errors > requests
    return Tally(max(requests, errors), errors, after.bounds_ms, cells)


def _fell(before: Sample, after: Sample) -> bool:
    then = (before.requests, before.errors, before.timed, *before.counts)
    now = (after.requests, after.errors, after.timed, *after.counts)
    return any(b < a for a, b in zip(then, now, strict=True))


def add(one: Tally, other: Tally) -> Tally:
    """Return the sum of two tallies; cells over other bounds than the first ones' are unusable."""
    requests, errors = one.requests + other.requests, one.errors + other.errors
    if not one.bounds_ms or not other.bounds_ms:
        timed = one if one.bounds_ms else other
        return Tally(requests, errors, timed.bounds_ms, timed.cells)
    if one.bounds_ms != other.bounds_ms:
        raise _Unusable("instances count latency in different buckets")
    cells = tuple(a + b for a, b in zip(one.cells, other.cells, strict=True))
    return Tally(requests, errors, one.bounds_ms, cells)


def merge(past: Tally, new: Tally) -> Tally:
    """Return the sum of two tallies; where the buckets changed, latency starts anew."""
    if past.bounds_ms and new.bounds_ms and past.bounds_ms != new.bounds_ms:
        past = Tally(past.requests, past.errors)
    return add(past, new)


def merge_own(past: tuple[OwnLook, ...], new: tuple[OwnLook, ...]) -> tuple[OwnLook, ...]:
    """Return the operator's metrics of two looks as one: events are summed, values are the last."""
    before = {one.name: one for one in past}
    return tuple(_merged(before.get(one.name), one) for one in new)


def _merged(past: OwnLook | None, new: OwnLook) -> OwnLook:
    if past is None or past.why:
        return new
    if new.why:
        return past
    value = past if new.value is None else new
    return OwnLook(
        new.name,
        merge(past.canary, new.canary),
        merge(past.stable, new.stable),
        value.value,
        value.stable_value,
    )
