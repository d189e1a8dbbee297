"""Takes an answer into a draft: one function per question; SpecError says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from chimera.app.cloudspec import cloud_spec, service_name
from chimera.core.access import Principal, Role
from chimera.core.errors import NotAllowed, SpecError
from chimera.core.spec import Spec, dump
from chimera.web.wizard.draft import (
    AS_BEFORE,
    AS_WRITTEN,
    LOCAL,
    PLATFORMS,
    Draft,
    local_base,
    placed,
)
from chimera.web.wizard.finding import THIS_MACHINE, Finder

NEW = "new"
_KNOWN, _FOUND = "known:", "found:"


def where(draft: Draft, form: Mapping[str, str]) -> Draft:
    """Take the platform, and for AWS who calls it."""
    platform = form.get("platform", "")
    if platform not in PLATFORMS:
        raise SpecError("nothing was chosen", hint="choose where the service runs")
    if platform == LOCAL:
        draft = draft.answered(platform=LOCAL, region="", profile="", role="")
        return draft.answered(place=THIS_MACHINE)
    named = {key: form.get(key, "").strip() for key in ("region", "profile", "role")}
    return draft.answered(platform=platform, **named)


def place(draft: Draft, form: Mapping[str, str]) -> Draft:
    """Take the cluster."""
    chosen = form.get("place", "")
    if not chosen:
        raise SpecError("nothing was chosen", hint="choose a cluster, or another region before")
    return draft.answered(place=chosen)


async def service(draft: Draft, form: Mapping[str, str], finder: Finder, who: Principal) -> Draft:
    """Take a service: one that was deployed before, one that was found, or one written down."""
    chosen = form.get("service", "")
    if chosen.startswith(_KNOWN):
        name = chosen.removeprefix(_KNOWN)
        _refuse_viewer(who, name)
        base = await finder.last_spec(name)
        if not base:
            raise SpecError(f"'{name}' was never deployed", hint="choose another one")
        known = draft.answered(service=name, base=base, known=True)
        return known.model_copy(update=placed(known)) if known.on_aws else known
    if chosen.startswith(_FOUND):
        name = chosen.removeprefix(_FOUND)
        _refuse_all_but_admins(who)
        found = await finder.found_service(draft, name)
        if found is None or not found.usable:
            why = found.why if found else "it is not there any more"
            raise SpecError(f"'{name}' cannot be used: {why}", hint="choose another one")
        who_asks = {"profile": draft.profile, "role": draft.role}
        base = cloud_spec(draft.platform, found, settings=who_asks)
        return draft.answered(service=service_name(name), base=base, known=False)
    if chosen == NEW and draft.platform == LOCAL:
        return _written(draft, form, who)
    raise SpecError("nothing was chosen", hint="choose a service")


def _written(draft: Draft, form: Mapping[str, str], who: Principal) -> Draft:
    _refuse_all_but_admins(who)
    name = form.get("name", "").strip()
    if not name:
        raise SpecError("the service has no name", hint="give it one, e.g. checkout")
    return draft.answered(service=name, base=local_base(name, form), known=False)


def version(draft: Draft, form: Mapping[str, str]) -> Draft:
    """Take the version: one that was offered, or one that was written."""
    written = form.get("other", "").strip()
    chosen = written or form.get("version", "").strip()
    if not chosen:
        raise SpecError("nothing was chosen", hint="choose a version, or write its name")
    tag, space, pinned = chosen.partition(" ")
    if draft.on_aws and space:
        return draft.answered(version=tag, image=pinned)
    if draft.on_aws and ("/" in chosen or "@" in chosen):
        return draft.answered(version="", image=chosen)
    return draft.answered(version=chosen, image="")


def limits(draft: Draft, form: Mapping[str, str]) -> Draft:
    """Take the strategy and the limits."""
    strategy = form.get("strategy", "")
    if not strategy or (strategy == AS_BEFORE and not draft.known):
        raise SpecError("nothing was chosen", hint="choose how careful it shall be")
    return draft.answered(
        strategy=strategy,
        error_rate=form.get("error_rate", "").strip(),
        latency_p95=form.get("latency_p95", "").strip(),
    )


def rewritten(draft: Draft, spec: Spec) -> Draft:
    """Take the whole spec as it was written at the review, of the same service on its platform."""
    if (spec.service, spec.target.platform) != (draft.service, draft.platform):
        raise SpecError(
            f"the spec is of {spec.service} on {spec.target.platform} now",
            hint="begin a new rollout for another service or platform",
        )
    return draft.answered(base=dump(spec), strategy=AS_WRITTEN, error_rate="", latency_p95="")


def _refuse_viewer(who: Principal, name: str) -> None:
    if not who.may(Role.OPERATOR, name):
        raise NotAllowed(f"{who.name} is not operator of {name}", hint="an admin can grant it")


def _refuse_all_but_admins(who: Principal) -> None:
    if not who.may(Role.ADMIN):
        raise NotAllowed(
            "what runs where is for an admin to say",
            hint="ask one to deploy it the first time, or choose a service that is there",
        )
