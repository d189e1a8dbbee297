"""The judge's findings in plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chimera.core.analysis import cells, moods, warmth
from chimera.core.analysis.checks import Check, Kind, ask, dispersion
from chimera.core.analysis.dispersion import NOTICEABLE
from chimera.core.analysis.memory import Counts, JudgeState, past_stable
from chimera.core.analysis.numbers import Numbers, as_bad, numbers
from chimera.core.analysis.own import main_alpha
from chimera.core.model import Look, Verdict
from chimera.core.plan import AnalysisPlan
from chimera.core.words import chance, count, duration, millis, percent

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def describe_test(plan: AnalysisPlan, check: Check, state: JudgeState) -> str:
    """Name the rule that a check applies."""
    how = f"sequential test, {percent(main_alpha(plan))} false alarms per rollout"
    how += _say_discount(plan, check, discount(plan, check, state))
    if check.kind is Kind.COMPARE and check.latency:
        more = percent(check.most)
        return f"the canary's slow requests against stable's plus {more}, at any duration ({how})"
    if check.kind is not Kind.LIMIT:
        return f"the canary's {check.name} against stable's plus {percent(check.most)} ({how})"
    if not check.latency:
        return f"the canary's error rate against the limit ({how})"
    slow, most = percent(1 - check.quantile), millis(check.most)
    return f"at most {slow} of the canary's requests may take longer than {most} ({how})"


@dataclass(frozen=True, slots=True)
class Discount:
    """What evidence is divided by: at most `whole`, of which `clumps` for what comes at once."""

    whole: float
    clumps: float

    @property
    def moody(self) -> bool:
        """Whether most of it is for moods."""
        return self.whole >= moods.MATTERS * self.clumps


def discount(plan: AnalysisPlan, check: Check, state: JudgeState) -> Discount:
    """Return what evidence of a check is divided by now."""
    question = None
    if not check.latency:
        empty = Look(state.seen_at or _NEVER, plan.interval, state.weight)
        question = ask(check, plan, state, empty)
    if question is None:
        phi = dispersion(plan, state, state.weight, latency=check.latency)
        return Discount(phi, phi)
    return Discount(question.null.phi, question.clumps)


def _say_discount(plan: AnalysisPlan, check: Check, found: Discount) -> str:
    if found.whole < NOTICEABLE:
        return ""
    said = f", evidence discounted up to {found.whole:.2g} times"
    if not found.moody:
        what = "slow requests" if check.latency else "failures"
        moody = " or moods" if found.whole >= NOTICEABLE * found.clumps else ""
        return f"{said} as {what} may come in clumps{moody}"
    if plan.error_dispersions:
        return f"{said} as versions have moods"
    return f"{said}: how much such versions' moods differ is not known yet"


def describe_evidence(
    plan: AnalysisPlan, check: Check, state: JudgeState, log_wealth: float, since: Counts
) -> str:
    """Say how unlikely the numbers are for a healthy canary."""
    healthy = "kept the limit" if check.kind is Kind.LIMIT else "were as healthy as stable"
    odds = chance(math.exp(min(log_wealth, 700.0)))
    if odds == "nothing unusual":
        if numbers(check, state).within is False and discount(plan, check, state).moody:
            if plan.error_dispersions:
                return "no more than versions' moods did in earlier rollouts"
            return "no more than versions' moods may do, which are not known yet"
        return f"{odds} if the canary {healthy}"
    slow = f"{since.bad:,.0f} of {count(since.n, 'request')} too slow; " if check.latency else ""
    return f"{slow if since.n else ''}{odds} if the canary {healthy}"


def warms_up(plan: AnalysisPlan, check: Check, state: JudgeState) -> bool:
    """Return whether a latency is not judged yet because the canary is new."""
    return check.latency and state.served_s <= plan.warm_up.total_seconds() > 0


def _cold(check: Check, state: JudgeState) -> str:
    stable = past_stable(state)
    both = [cells.quantile_ms(arm, check.quantile) for arm in (state.warming, stable)]
    ours, theirs = (millis(value) if value is not None else "unknown" for value in both)
    return f"{check.name} {ours} against {theirs} on stable; the canary may be warming up yet"


def sentence(
    plan: AnalysisPlan,
    check: Check,
    state: JudgeState,
    seen: Numbers,
    span: timedelta,
    verdict: Verdict,
) -> str:
    """Say where a check stands, with its numbers."""
    said = millis if check.latency else percent
    if check.latency and warmth.seems_cold(plan, state):
        return _cold(check, state)
    if seen.canary is None:
        if warms_up(plan, check, state):
            return f"{check.name} not judged in the canary's first {duration(plan.warm_up)}"
        if state.canary.requests:
            return f"{check.name} unknown: the metrics hold none for the canary yet"
        return f"no canary requests in {duration(span)}"
    least = "over " if seen.beyond else ""
    text = f"{check.name} {least}{said(seen.canary)}"
    if seen.stable is not None:
        text += f" against {said(seen.stable)} on stable"
    if check.kind is Kind.RELATIVE:
        text += f" (allowed: {percent(check.most)} above stable)"
    elif seen.limit is not None and check.kind is Kind.LIMIT:
        text += f" (limit {said(seen.limit)})"
    of = count(seen.n, "request")
    text += f", {of if check.latency else f'{seen.bad:,} of {of}'} in {duration(span)}"
    if verdict is Verdict.INCONCLUSIVE and as_bad(check, state):
        return f"{text}; stable is as bad, so the canary is not to blame"
    if verdict is Verdict.INCONCLUSIVE and seen.within is False:
        return f"{text}; it may still be chance"
    return text
