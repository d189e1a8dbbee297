"""What a whole plan can see at a given traffic, and the same in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chimera.core.analysis.course import Traffic, discounts
from chimera.core.analysis.dispersion import MIN_EVENTS, NOTICEABLE, UNKNOWN
from chimera.core.analysis.moods import LARGEST, MATTERS
from chimera.core.analysis.power import FOREVER, Cost, StepPower, advice, cost, foresee
from chimera.core.model import Tally
from chimera.core.plan import AnalysisPlan, RolloutPlan, Step
from chimera.core.words import count, duration, percent

RISES = (0.01, 0.05, 0.5)
USUAL_RATE = 10.0
USUAL_ERRORS = 0.001
LIKELY = 100


class Basis(StrEnum):
    """Where the traffic comes from.

    Stable was watched now, or in the service's last rollout; the operator said it; it is assumed.
    """

    MEASURED = "measured"
    RECORDED = "recorded"
    GIVEN = "given"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan can see. rate: requests/s; error_rate: stable's, a ratio from 0 to 1.

    why: why the traffic was not measured, or "". evidence: how far failures are taken for clumped.
    costs: of faults present from the start, in
    `RISES` of the error rate. warnings: what is wrong with the plan here, and what to do.
    """

    basis: Basis
    rate: float
    error_rate: float
    steps: tuple[StepPower, ...]
    costs: tuple[Cost, ...]
    warnings: tuple[str, ...]
    why: str = ""
    evidence: str = ""


def measured(plan: RolloutPlan, stable: Tally, span_s: float) -> Outlook:
    """Return the outlook at the traffic that stable met while it was watched, in seconds."""
    # A second shows too few errors to tell a rate: what is usual weighs as much as LIKELY requests.
    errors = (stable.errors + USUAL_ERRORS * LIKELY) / (stable.requests + LIKELY)
    return _at(plan, Basis.MEASURED, stable.requests / span_s, errors)


def recorded(plan: RolloutPlan, both: Tally, span_s: float, why: str) -> Outlook:
    """Return the outlook at the traffic that the service's last rollout met, in seconds."""
    errors = (both.errors + USUAL_ERRORS * LIKELY) / (both.requests + LIKELY)
    return _at(plan, Basis.RECORDED, both.requests / span_s, errors, why)


def given(plan: RolloutPlan, rate: float) -> Outlook:
    """Return the outlook at a rate that the operator expects."""
    return _at(plan, Basis.GIVEN, rate, USUAL_ERRORS)


def assumed(plan: RolloutPlan, why: str) -> Outlook:
    """Return the outlook where the traffic cannot be known."""
    return _at(plan, Basis.ASSUMED, USUAL_RATE, USUAL_ERRORS, why)


def _at(plan: RolloutPlan, basis: Basis, rate: float, errors: float, why: str = "") -> Outlook:
    analysis, traffic = plan.analysis, Traffic(rate, errors)
    steps = tuple(step for step in plan.steps if step.weight)
    return Outlook(
        basis=basis,
        rate=rate,
        error_rate=errors,
        steps=foresee(analysis, steps, traffic),
        costs=tuple(cost(analysis, steps, traffic, rise) for rise in RISES),
        warnings=advice(analysis, steps, traffic),
        why=why,
        evidence=say_dispersion(analysis, steps, traffic),
    )


def underpowered(outlook: Outlook | None) -> tuple[str, ...]:
    """Return what is wrong with a plan at the traffic there is, in one sentence; () if nothing.

    Where the traffic is only assumed, the sentence says so.
    """
    if outlook is None or not outlook.warnings:
        return ()
    first, *_, advice = outlook.warnings
    if outlook.basis is Basis.ASSUMED:
        return (f"at an assumed {outlook.rate:g} requests/s {first}; {advice}",)
    return (f"{first}; {advice}",)


def say_traffic(outlook: Outlook) -> str:
    """Say what traffic the outlook reckons with."""
    rate = f"{outlook.rate:,.0f}" if outlook.rate >= LIKELY else f"{outlook.rate:,.2g}"
    fails = f"{percent(outlook.error_rate)} of them failing"
    if outlook.basis is Basis.MEASURED:
        return f"Stable meets {rate} requests/s now."
    if outlook.basis is Basis.RECORDED:
        return f"The service met {rate} requests/s in its last rollout."
    if outlook.basis is Basis.GIVEN:
        return f"At {rate} requests/s, {fails}:"
    why = f" ({outlook.why})" if outlook.why else ""
    return f"The traffic is not known{why}; at {rate} requests/s, {fails}, for example:"


def say_dispersion(plan: AnalysisPlan, steps: Sequence[Step], traffic: Traffic) -> str:
    """Say how much evidence is discounted because failures come in clumps, and how one knows."""
    if not plan.compare and not plan.limits:
        return ""
    if not plan.error_dispersions:
        said = (
            "How failures cluster is not known yet: until stable has shown"
            f" {MIN_EVENTS} of them, evidence is discounted {UNKNOWN:g} times."
        )
        most, weight = max(discounts(plan, steps, traffic), default=(1.0, 0))
        if most < MATTERS:
            return said
        return (
            f"{said} Nor is how much versions' moods differ: evidence of up to {LARGEST:g} times"
            f" stable's failures is discounted up to {most:.2g} times, at {weight} %."
        )
    most = max(plan.error_dispersions)
    if most < NOTICEABLE:
        return f"Failures come one by one ({plan.history}): evidence counts in full."
    return (
        f"Failures come in clumps or moods ({plan.history}):"
        f" evidence is discounted up to {most:.2g} times."
    )


def say_step(step: StepPower) -> str:
    """Say what one step needs and sees."""
    text = f"{count(step.requests, 'canary request')}"
    if step.needed:
        takes = "never" if step.takes >= FOREVER else f"after {duration(step.takes)}"
        text += f"; may end {takes}"
    if step.rules_out:
        text += f", with +{percent(step.rules_out)} errors ruled out"
    if step.sees is None:
        return f"{text}; too few to find even a canary that always fails"
    return f"{text}; finds +{percent(step.sees)} errors and more"


def say_cost(each: Cost) -> str:
    """Say what one fault would cost."""
    bad = max(round(each.bad), 1) if each.bad else 0
    fault = f"+{percent(each.rise)} errors"
    if each.found_after is None:
        return f"{fault}: probably not found; {count(bad, 'failed request')} by the end"
    found = duration(each.found_after)
    return f"{fault}: rolled back after about {found} and {count(bad, 'failed request')}"
