"""What can be chosen at each question, made from what was found. What cannot says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chimera.app.cloud import ImageTag
from chimera.app.reports import RolloutView, ServiceView
from chimera.core.spec import PRESETS, Strategy
from chimera.core.state import Phase
from chimera.core.words import duration
from chimera.web.wizard.draft import ALB, AS_BEFORE, LOCAL, MESH


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that can be chosen. why_not: why it cannot be, which greys it. side: a fact."""

    value: str
    title: str
    detail: str = ""
    side: str = ""
    why_not: str = ""


def preselected(offers: Sequence[Offer], chosen: str = "") -> str:
    """Return what is chosen to begin with: the answer given, else the first that can be chosen."""
    usable = [offer.value for offer in offers if not offer.why_not]
    return chosen if chosen in usable else next(iter(usable), "")


def platforms(no_aws: str, no_local: str = "") -> tuple[Offer, ...]:
    """Offer where services can run. no_aws, no_local: why they cannot, "" if they can."""
    return (
        Offer(
            LOCAL,
            "This machine",
            "Processes behind an Envoy that Chimera starts. If every controller dies, Envoy itself "
            "returns all traffic to the stable version.",
            why_not=no_local,
        ),
        Offer(
            ALB,
            "Amazon ECS behind a load balancer",
            "Traffic moves by the weights of target groups; metrics are the load balancer's own. "
            "No agent, no sidecar.",
            why_not=no_aws,
        ),
        Offer(
            MESH,
            "Amazon ECS in App Mesh",
            "Traffic moves by the weights of a route; metrics come from Envoy through CloudWatch. "
            "Needs the one-time setup.",
            why_not=no_aws,
        ),
    )


def services(
    views: Iterable[ServiceView], platform: str, may_deploy: Iterable[str]
) -> tuple[Offer, ...]:
    """Offer the services that Chimera knows. may_deploy: those that the reader may change."""
    allowed = set(may_deploy)
    return tuple(
        Offer(
            value=view.name,
            title=view.name,
            detail=f"last: {view.last.headline}" if view.last else "",
            side=f"runs {view.stable}" if view.stable else "does not run",
            why_not=_why_not(view, allowed),
        )
        for view in views
        if view.platform == platform
    )


def _why_not(view: ServiceView, allowed: set[str]) -> str:
    if view.name not in allowed:
        return "Your role for it is viewer; an admin can make you operator."
    holds = view.last.state.phase if view.live and view.last else None
    if holds is not None and holds is not Phase.RETIRING:
        return f"Rollout {view.live} is under way; it must end first."
    return ""


def versions(stable: str, past: Iterable[RolloutView]) -> tuple[Offer, ...]:
    """Offer what was deployed before, newest first, and say what became of it."""
    offers: dict[str, Offer] = {}
    for view in past:
        name = view.rollout.canary.name
        if name in offers:
            continue
        offers[name] = Offer(
            name,
            name,
            view.headline,
            side=f"{view.opened_at:%Y-%m-%d}",
            why_not="It is the running version." if name == stable else "",
        )
    return tuple(offers.values())


def images(tags: Iterable[ImageTag]) -> tuple[Offer, ...]:
    """Offer the images of a repository, newest first; a value is the tag and what it stands for."""
    return tuple(
        Offer(
            f"{tag.tag} {tag.pinned}",
            tag.tag,
            tag.digest,
            tag.pushed_at[:16].replace("T", " "),
            "It is the running version." if tag.runs else "",
        )
        for tag in tags
    )


def newest(images: Sequence[Offer]) -> str:
    """Return the newest image, "" if that is the running one: to go back is for a person to say."""
    return images[0].value if images and not images[0].why_not else ""


def strategies(*, known: bool, before: str = "") -> tuple[Offer, ...]:
    """Offer the strategies with their total times. before: what the last rollout did, in words."""
    again = (Offer(AS_BEFORE, "As last time", before),) if known else ()
    order = (Strategy.BALANCED, Strategy.CAREFUL, Strategy.FAST)
    return again + tuple(
        Offer(
            name.value,
            name.value.capitalize(),
            f"{PRESETS[name].sentence.capitalize()}.",
            side=f"at least {duration(PRESETS[name].bake * len(PRESETS[name].weights))}",
        )
        for name in order
    )
