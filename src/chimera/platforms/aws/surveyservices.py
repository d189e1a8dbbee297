"""The ECS clusters and services of an account: which of them could have a canary."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from chimera.core.errors import ChimeraError, ProviderError, ProviderRefused
from chimera.platforms.aws import services
from chimera.platforms.aws.agent import TAG as SETUP
from chimera.platforms.aws.agent import namespace_of
from chimera.platforms.aws.cloudmap import registry_of
from chimera.platforms.aws.containers import application
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.found import UNREAD, Found
from chimera.platforms.aws.identity import version_of
from chimera.platforms.aws.naming import NAME, REVISION, SERVICE, read_tags
from chimera.platforms.aws.scraping import unlabelled
from chimera.platforms.aws.survey import Survey

_CLUSTERS_AT_ONCE = 100


class Steering(Protocol):
    """What can tell how a service's traffic is steered."""

    def settings(self, service: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, str]:
        """Return what a spec's target says of it; ProviderRefused if that is not clear."""


class Services:
    """What was found of ECS. images: those that services run. registered: ids in Cloud Map."""

    def __init__(self, survey: Survey, steering: Steering) -> None:
        self._survey = survey
        self._steering = steering
        self.images: set[str] = set()
        self.registered: set[str] = set()

    async def look(self, wanted: str = "") -> None:
        """Note every cluster, or the one wanted, with its services."""
        ecs = self._survey.account.ecs
        arns = [wanted] if wanted else None
        if arns is None:
            arns = await self._survey.pages("cluster", ecs.list_clusters, "clusterArns")
        for start in range(0, len(arns), _CLUSTERS_AT_ONCE):
            batch = arns[start : start + _CLUSTERS_AT_ONCE]
            answer = await self._survey.one(
                "cluster", "?", ecs.describe_clusters, clusters=list(batch)
            )
            for one in (answer or {}).get("clusters", ()):
                await self._cluster(one)
            for one in (answer or {}).get("failures", ()):
                why = f"it is {str(one.get('reason', 'MISSING')).lower()}"
                name = str(one.get("arn", "?")).rpartition("/")[2]
                hint = "check its name and the region"
                self._survey.add("cluster", name, why=why, hint=hint)

    async def _cluster(self, cluster: Mapping[str, Any]) -> None:
        ecs, name = self._survey.account.ecs, str(cluster["clusterName"])
        if cluster["status"] != "ACTIVE":
            self._survey.add("cluster", name, why=f"it is {str(cluster['status']).lower()}")
            return
        survey, place = self._survey, len(self._survey.found)
        arns = await survey.pages("service", ecs.list_services, "serviceArns", cluster=name)
        why = "" if arns or survey.hidden("service") else "it has no services"
        asking = services.described(survey.account, name, arns)
        described = await survey.tried("service", "?", asking) or []
        definitions = await asyncio.gather(*(self._definition(one) for one in described))
        judged = list(zip(described, definitions, strict=True))
        namespace = next((n for n in (_published(d) for _, d in judged) if n), "")
        agent = {"metrics namespace": namespace} if namespace else {}
        found = [self._judge(name, one, d, namespace) for one, d in judged]
        facts = {"services": str(len(arns)), **agent}
        survey.add("cluster", name, why=why, facts=facts)
        survey.found.insert(place, survey.found.pop())
        survey.found += found

    async def _definition(self, one: Mapping[str, Any]) -> dict[str, Any] | ChimeraError:
        ecs = self._survey.account.ecs
        try:
            answer = await self._survey.account.call(
                ecs.describe_task_definition, taskDefinition=one["taskDefinition"]
            )
        except ProviderError as error:
            return error
        return dict(answer["taskDefinition"])

    def _judge(
        self,
        cluster: str,
        one: Mapping[str, Any],
        definition: dict[str, Any] | ChimeraError,
        namespace: str,
    ) -> Found:
        name, region = str(one["serviceName"]), self._survey.account.region
        facts = {"tasks": f"{one['runningCount']} of {one['desiredCount']}"}
        self.registered |= {registry_of(one)} - {""}
        try:
            _refuse_ours(one)
            services.refuse_unfit(one)
            if isinstance(definition, ChimeraError):
                raise definition
            container = application(definition, one)
            image = next(
                str(c["image"])
                for c in definition["containerDefinitions"]
                if c["name"] == container
            )
            self.images.add(image)
            facts |= {"image": image, "version": version_of(image), "container": container}
            settings = {"cluster": cluster, "service": name, "region": region}
            settings |= self._steering.settings(one, definition)
            if "mesh" in settings:
                settings |= {"namespace": namespace} if namespace else {}
                lacks = unlabelled(definition)
                facts |= {UNREAD: lacks} if lacks else {}
        except ChimeraError as error:
            reason = error.reason if isinstance(error, ProviderError) else str(error)
            reason = reason.removeprefix(f"ECS service '{name}': ")
            return Found("service", name, cluster, reason, error.hint, region, facts=facts)
        return Found("service", name, cluster, region=region, settings=settings, facts=facts)


def _refuse_ours(service: Mapping[str, Any]) -> None:
    tags = read_tags(service.get("tags"))
    if SETUP in tags:
        raise ProviderRefused(PROVIDER, "discover", "it is the agent that `chimera setup` made")
    if NAME in tags:
        reason = f"Chimera made it: version {tags.get(REVISION)} of {tags.get(SERVICE)}"
        hint = f"use the spec of {tags.get(SERVICE)}"
        raise ProviderRefused(PROVIDER, "discover", reason, hint=hint)


def _published(definition: dict[str, Any] | ChimeraError) -> str:
    return "" if isinstance(definition, ChimeraError) else namespace_of(definition)
