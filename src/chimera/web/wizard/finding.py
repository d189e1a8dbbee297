"""Asks the ledger and the platforms what there is to choose from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chimera.app.cloud import Cloud, Connection, Found, Identity, Missing, ServiceFacts
from chimera.app.operations import Chimera
from chimera.app.reports import RolloutView
from chimera.core.access import Principal, Role
from chimera.core.errors import (
    ChimeraError,
    NotAllowed,
    ProviderUnavailable,
    RolloutNotFound,
)
from chimera.core.words import count, duration
from chimera.web.wizard import offers
from chimera.web.wizard.draft import LOCAL, Draft, target_of
from chimera.web.wizard.offers import Offer

THIS_MACHINE = "this machine"
PAST = 30
AWS_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where services can run. connection, missing: who asks AWS, and what they may not do.

    trouble: why nothing could be listed, None if it could.
    """

    offers: tuple[Offer, ...] = ()
    connection: Connection | None = None
    missing: Missing | None = None
    trouble: ChimeraError | None = None


@dataclass(frozen=True, slots=True)
class Images:
    """Which new images there are. facts: of the service as it runs. trouble: why none is listed."""

    offers: tuple[Offer, ...] = ()
    facts: ServiceFacts | None = None
    trouble: ChimeraError | None = None


class Finder:
    """What one person can choose from, at each question."""

    def __init__(self, chimera: Chimera, who: Principal) -> None:
        self._chimera = chimera
        self._who = who

    @property
    def may_look(self) -> bool:
        """Whether this person may look around on AWS: of the account, not of a service alone."""
        return self._who.may(Role.OPERATOR)

    def _refuse_looking(self) -> None:
        if not self.may_look:
            raise NotAllowed(
                f"{self._who.name} is not operator on everything, so may not look around on AWS",
                hint="begin at a service that you operate: Services, then Deploy",
            )

    async def connect(self, draft: Draft) -> Connection:
        """Say who we are to AWS; ProviderDenied where the credentials are missing or not valid."""
        self._refuse_looking()
        async with _cloud() as cloud:
            return await cloud.connect(_identity(draft))

    async def roles(self) -> tuple[str, ...]:
        """Return the roles that services one may deploy were deployed with, sorted."""
        found = {
            str(view.last.rollout.service.settings.get("role") or "")
            for view in await self._chimera.services()
            if view.last is not None and self._who.may(Role.OPERATOR, view.name)
        }
        return tuple(sorted(found - {""}))

    async def places(self, draft: Draft) -> Places:
        """Return the clusters that the account holds."""
        if draft.platform == LOCAL:
            return Places((Offer(THIS_MACHINE, "This machine", "Where Chimera itself runs."),))
        self._refuse_looking()
        who, connection, missing = _identity(draft), None, None
        try:
            async with _cloud() as cloud:
                connection = await cloud.connect(who)
                missing = await cloud.permissions(who, draft.platform)
                found = await cloud.discover(who, draft.platform, brief=True)
        except ChimeraError as error:
            return Places((), connection, missing, error)
        clusters = [one for one in found if one.kind == "cluster"]
        offered = (
            Offer(one.name, one.name, _inside(found, one.name), one.region, one.reason)
            for one in clusters
        )
        return Places(tuple(offered), connection, missing)

    async def known_services(self, draft: Draft) -> tuple[Offer, ...]:
        """Return the services that Chimera has deployed on the platform."""
        views = await self._chimera.services()
        allowed = [view.name for view in views if self._who.may(Role.OPERATOR, view.name)]
        return offers.services(views, draft.platform, allowed)

    async def new_services(self, draft: Draft) -> tuple[Offer, ...]:
        """Return the ECS services of the chosen cluster, those that cannot be used with reasons."""
        if not (draft.on_aws and self.may_look):
            return ()
        return tuple(
            Offer(
                one.name,
                one.name,
                "; ".join(f"{key}: {said}" for key, said in one.facts.items()),
                one.region,
                one.reason or self._no_new(),
            )
            for one in await self._discovered(draft)
            if one.kind == "service"
        )

    def _no_new(self) -> str:
        return "" if self._who.may(Role.ADMIN) else "An admin deploys it the first time."

    async def found_service(self, draft: Draft, name: str) -> Found | None:
        """Return what was found of one ECS service in the chosen cluster."""
        for one in await self._discovered(draft):
            if (one.kind, one.name) == ("service", name):
                return one
        return None

    async def last_spec(self, service: str) -> str:
        """Return the spec of a service's last rollout, "" if there was none."""
        past = await self.past(service, limit=1)
        return past[0].rollout.spec if past else ""

    async def past(self, service: str, limit: int = PAST) -> Sequence[RolloutView]:
        """Return a service's rollouts, newest first."""
        try:
            return await self._chimera.history(service=service, limit=limit)
        except RolloutNotFound:
            return ()

    async def stable(self, draft: Draft) -> str:
        """Return the version that serves now, "" if none is or it cannot be told."""
        for view in await self._chimera.services():
            if view.name == draft.service:
                return view.stable
        return ""

    async def images(self, draft: Draft) -> Images:
        """Return the newest images of an ECS service's repository, each pinned to its digest."""
        if not draft.on_aws:
            return Images()
        who, settings, facts = _identity(draft), target_of(draft), None
        try:
            async with _cloud() as cloud:
                facts = await cloud.facts(who, draft.platform, settings, name=draft.service)
                tags = await cloud.versions(who, facts.image)
        except ChimeraError as error:
            return Images((), facts, error)
        return Images(offers.images(tags), facts)

    async def _discovered(self, draft: Draft) -> Sequence[Found]:
        self._refuse_looking()
        async with _cloud() as cloud:
            return await cloud.discover(
                _identity(draft), draft.platform, cluster=draft.place, brief=True
            )


@asynccontextmanager
async def _cloud() -> AsyncIterator[Cloud]:
    """Ask AWS, but not for longer than a person waits."""
    try:
        async with Cloud() as cloud, asyncio.timeout(AWS_TIMEOUT_S):
            yield cloud
    except TimeoutError:
        hint = "check the region and the network, then try again"
        raise ProviderUnavailable("aws", "look", "it does not answer", hint=hint) from None


def _identity(draft: Draft) -> Identity:
    return Identity(draft.region, draft.profile, draft.role)


def _inside(found: Sequence[Found], cluster: str) -> str:
    services = [one for one in found if one.kind == "service" and one.inside == cluster]
    usable = sum(one.usable for one in services)
    return f"{count(len(services), 'service')}, {usable} of them can be deployed by Chimera"


def how_it_went(view: RolloutView) -> str:
    """Say what a rollout's plan was, for who wants the same again."""
    plan = view.rollout.plan
    way = ", ".join(str(step.weight) for step in plan.steps)
    return f"{way} % of the traffic, at least {duration(plan.duration)} in all."
