"""What each question's page shows: the offers, and what the answers so far come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.app.admission import admitted
from chimera.app.cloud import Prospects
from chimera.app.locality import in_container, why_not_here
from chimera.app.masking import masked
from chimera.app.operations import Chimera
from chimera.app.prospects import look_around
from chimera.app.reports import PlanReport
from chimera.core.access import Principal, Role
from chimera.core.analysis.outlook import say_cost, say_step, say_traffic
from chimera.core.errors import ChimeraError
from chimera.core.saying import say_limits, say_warnings
from chimera.web.wizard import offers
from chimera.web.wizard.draft import (
    DEFAULT_ERRORS,
    Draft,
    command,
    limits_before,
    own_limits,
    spec_text,
)
from chimera.web.wizard.finding import Finder, how_it_went
from chimera.web.wizard.practising import versions
from chimera.web.wizard.steps import Step


async def shown(
    chimera: Chimera, finder: Finder, who: Principal, draft: Draft, step: Step
) -> dict[str, Any]:
    """Return what the template of a question needs beyond the draft."""
    match step:
        case Step.WHERE:
            return await _where(chimera, finder, draft)
        case Step.PLACE:
            places = await finder.places(draft)
            chosen = offers.preselected(places.offers, draft.place)
            return {"offers": places.offers, "chosen": chosen, "places": places}
        case Step.SERVICE:
            return await _services(chimera, finder, who, draft)
        case Step.VERSION:
            return await _versions(finder, draft)
        case Step.LIMITS:
            return await _limits(finder, draft)
        case Step.REVIEW:
            return await _review(chimera, who, draft)


_NOT_ONES_OWN = (
    "To look around there one is operator on everything. Begin at a service that you operate: "
    "Services, then Deploy."
)


async def _where(chimera: Chimera, finder: Finder, draft: Draft) -> dict[str, Any]:
    no_local = why_not_here(chimera.settings)
    aws = await look_around() if finder.may_look else Prospects(why_not=_NOT_ONES_OWN)
    found = offers.platforms(aws.why_not, no_local)
    return {
        "offers": found,
        "chosen": offers.preselected(found, draft.platform),
        "aws": aws,
        "profiles": _profiles(aws, draft.profile),
        "roles": await finder.roles(),
        "no_local": no_local,
    }


def _profiles(aws: Prospects, chosen: str) -> list[tuple[str, str]]:
    """Return (value, label) of each profile, [] where there is none to choose."""
    names = dict.fromkeys([*aws.profiles, *([chosen] if chosen else [])])
    own = [("", "none: the machine's own credentials")] if aws.own else []
    return [*own, *((name, name) for name in names)] if names else []


async def _services(
    chimera: Chimera, finder: Finder, who: Principal, draft: Draft
) -> dict[str, Any]:
    known = await finder.known_services(draft)
    trouble: ChimeraError | None = None
    found: tuple[offers.Offer, ...] = ()
    try:
        found = await finder.new_services(draft)
    except ChimeraError as error:
        trouble = error
    names = {offer.value for offer in known}
    found = tuple(offer for offer in found if offer.value not in names)
    chosen = offers.preselected(known, draft.service) or offers.preselected(found, draft.service)
    return {
        "known": known,
        "found": found,
        "trouble": trouble,
        "chosen": chosen,
        "may_add": not draft.on_aws and who.may(Role.ADMIN),
        "in_container": in_container(chimera.settings),
    }


async def _versions(finder: Finder, draft: Draft) -> dict[str, Any]:
    images = await finder.images(draft)
    stable = await finder.stable(draft)
    if images.facts and images.facts.stable:
        stable = images.facts.stable.name
    past = offers.versions(stable, await finder.past(draft.service)) if draft.known else ()
    tried = versions(draft.service, stable)
    return {
        "stable": stable,
        "past": past,
        "images": images.offers,
        "facts": images.facts,
        "trouble": images.trouble,
        "practice": tried,
        "chosen": f"{draft.version} {draft.image}".strip()
        or offers.preselected(tried)
        or offers.newest(images.offers),
        "offered": {offer.value for offer in (*images.offers, *past, *tried)},
    }


async def _limits(finder: Finder, draft: Draft) -> dict[str, Any]:
    past = await finder.past(draft.service, limit=1) if draft.known else ()
    found = offers.strategies(known=bool(past), before=how_it_went(past[0]) if past else "")
    errors, latency = limits_before(draft)
    return {
        "offers": found,
        "chosen": offers.preselected(found, draft.strategy),
        "own_limits": own_limits(draft),
        "error_rate": draft.error_rate or errors or DEFAULT_ERRORS,
        "latency_p95": draft.latency_p95 or latency,
    }


async def _review(chimera: Chimera, who: Principal, draft: Draft) -> dict[str, Any]:
    text = spec_text(draft)
    made: dict[str, Any] = {
        "spec": masked({"spec": text})["spec"],
        "command": command(draft),
        "report": None,
        "said": None,
        "trouble": None,
        "permissions": (),
    }
    try:
        spec = await admitted(who, text, chimera)
        report = await chimera.plan(spec, version=draft.version, image=draft.image)
        made["report"] = await chimera.foresee(report) if not report.first else report
    except ChimeraError as error:
        made["trouble"] = error
        return made
    made["said"] = plan_said(made["report"])
    asked = (change.permission for change in made["report"].changes)
    made["permissions"] = tuple(dict.fromkeys(filter(None, asked)))
    return made


@dataclass(frozen=True, slots=True)
class PlanSaid:
    """A plan's sentences. steps: what each can see; costs: of faults; () where it is not known."""

    limits: tuple[str, ...]
    traffic: str = ""
    steps: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_said(report: PlanReport) -> PlanSaid:
    """Return what a plan says in sentences."""
    limits = say_limits(report.rollout.plan)
    if (outlook := report.outlook) is None:
        return PlanSaid(limits)
    return PlanSaid(
        limits,
        say_traffic(outlook),
        tuple(f"{step.weight} %: {say_step(step)}" for step in outlook.steps),
        tuple(map(say_cost, outlook.costs)),
        say_warnings(outlook),
    )
