"""Numbers of the two arms that do not lie at the same moment: wait, and leave troubled moments out.

Where the arms are read in one scrape nothing is done. Elsewhere a fault of a shared dependency
shows in one arm seconds before the other, and would be blamed on the canary. So each look waits for
the skew, and is left out if stable was in trouble, or not seen, within the skew before or after it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from functools import reduce

from chimera.core.analysis import cells
from chimera.core.analysis.looks import merge, merge_own
from chimera.core.model import Look, Tally
from chimera.core.plan import AnalysisPlan

PARTS = 10
COVERED = 0.95
CALM = 4
TIMES, SIGMAS, FEW = 2.0, 4.0, 3.0
TAIL = 0.95


def wait(waiting: tuple[Look, ...], look: Look, skew: timedelta) -> tuple[Look, ...]:
    """Return the looks kept: those of the last two skews, about ten per skew, oldest first."""
    last = waiting[-1] if waiting else None
    if last is not None and last.span < skew / PARTS and last.weight == look.weight:
        joined = Look(
            look.at,
            last.span + look.span,
            look.weight,
            merge(last.canary, look.canary),
            merge(last.stable, look.stable),
            notes=(*last.notes, *look.notes),
            own=merge_own(last.own, look.own),
        )
        waiting, look = waiting[:-1], joined
    kept = tuple(each for each in waiting if each.at > look.at - 2 * skew - look.span)
    return (*kept, look)


def ripe(waiting: tuple[Look, ...], before: Look | None, skew: timedelta) -> tuple[Look, ...]:
    """Return the looks that have waited long enough and came after the last one judged."""
    if not waiting:
        return ()
    until = waiting[-1].at - skew
    return tuple(
        look for look in waiting if look.at <= until and (before is None or look.at > before.at)
    )


def covered(look: Look, waiting: tuple[Look, ...], skew: timedelta) -> bool:
    """Return whether stable was seen all along since a skew before a look, at the same weight.

    What went on unseen, before a watch or in a gap of the numbers, may reach the canary's late; and
    just after a shift its numbers may still be of the former weight.
    """
    since = look.at - look.span - skew
    seen = timedelta(0)
    for each in waiting:
        if each.at <= look.at and each.weight == look.weight:
            seen += max(each.at - max(each.at - each.span, since), timedelta(0))
    return seen >= (look.at - since) * COVERED


def at_skew(plan: AnalysisPlan, skew_s: float) -> AnalysisPlan:
    """Return the plan for a source whose arms lie so far apart, seconds."""
    skew = timedelta(seconds=skew_s)
    return plan if skew <= plan.skew else replace(plan, skew=skew)


def troubled(look: Look, waiting: tuple[Look, ...], past: Tally, skew: timedelta) -> bool:
    """Return whether stable was in trouble within the skew of a look.

    past: what stable did in calm times, as far as known. The calmest of the looks are compared with
    too: a past that began in an outage takes that for usual.
    """
    references = (past, _calmest(waiting)) if past.requests else (_calmest(waiting),)
    return any(
        _unusual(each.stable, usual)
        for each in waiting
        if abs(each.at - look.at) <= skew + each.span
        for usual in references
    )


def _calmest(waiting: tuple[Look, ...]) -> Tally:
    ranked = sorted((each.stable for each in waiting if each.stable.requests), key=_rate)
    return reduce(merge, ranked[: max(len(ranked) // CALM, 1)], Tally())


def _unusual(now: Tally, past: Tally) -> bool:
    if not past.requests:
        return now.errors > FEW
    if _many(now.errors, now.requests * past.errors / past.requests):
        return True
    usual = cells.quantile_ms(past, TAIL)
    if usual is None or now.bounds_ms != past.bounds_ms:
        return False
    share = cells.over(past, usual) / cells.timed(past)
    return _many(cells.over(now, usual), cells.timed(now) * share)


def _many(seen: float, expected: float) -> bool:
    return seen > TIMES * expected + SIGMAS * math.sqrt(expected) + FEW


def _rate(tally: Tally) -> float:
    return tally.errors / tally.requests if tally.requests else 0.0
