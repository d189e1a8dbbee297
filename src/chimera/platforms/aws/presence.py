"""Whether the agent of a cluster's preparation is there, and publishes what a spec looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chimera.core.errors import ChimeraError
from chimera.core.words import count
from chimera.platforms.aws import scraping, services
from chimera.platforms.aws.agent import PORT, agent_name, namespace_of
from chimera.platforms.aws.arms import Arm
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.mesh import options
from chimera.platforms.aws.sidecar import LABELS
from chimera.ports.platform import Check

Json = Mapping[str, Any]


async def check_agent(site: Site, stable: Arm, *, published: bool) -> Check:
    """Look for the agent that `chimera setup` makes. published: fresh metrics come in any case."""
    name, wanted = f"agent of {site.cluster}", options(site).namespace
    try:
        found = await services.describe(site, agent_name(site.cluster))
        if found is None:
            return _absent(site, name, wanted, published=published)
        definition = await services.definition(site, str(found["taskDefinition"]))
        blind = "" if published else await _blind(site, stable, found, definition)
    except ChimeraError as error:
        return Check(name, ok=False, detail=str(error), fix=error.hint)
    running = int(found["runningCount"])
    namespace = namespace_of(definition)
    if namespace != wanted:
        said = f"it publishes to {namespace}, but target.namespace is {wanted}"
        return Check(name, ok=published, detail=said, fix="write the same one into both")
    if not running:
        fix = f"look at the events of ECS service '{found['serviceName']}'"
        return Check(name, ok=False, detail="it does not run: no metrics come", fix=fix)
    if blind:
        fix = f"{_setup(site, namespace)} again: it changes what is missing, and nothing else"
        return Check(name, ok=False, detail=blind, fix=fix)
    said = f"{count(running, 'task')} of it run, and publish to {namespace}"
    return Check(name, ok=True, detail=said.replace("1 task of it run", "1 task of it runs"))


async def _blind(site: Site, stable: Arm, agent: Json, definition: Json) -> str:
    """Say why an agent that runs cannot read the stable version's Envoys, "" if it can."""
    if wrong := scraping.unmatched(definition, stable.definition):
        return wrong
    if await scraping.shut(site.account, agent, stable.service):
        groups = ", ".join(scraping.groups_of(stable.service))
        return f"it cannot reach the tasks: port {PORT} of {groups} is shut for it"
    return ""


def check_envoy(stable: Arm) -> Check | None:
    """Say what the stable version's Envoy lacks to be read by the agent; None if nothing."""
    missing = scraping.unlabelled(stable.definition)
    if not missing:
        return None
    said = f"{missing}, so that no numbers of the stable version come to compare with"
    labels = ", ".join(f'"{key}": "{value}"' for key, value in LABELS.items())
    fix = f"give its Envoy dockerLabels {{{labels}}} and a port mapping of {PORT}; a new version "
    return Check("Envoy of the service", ok=False, detail=said, fix=f"{fix}gets both from Chimera")


def _absent(site: Site, name: str, namespace: str, *, published: bool) -> Check:
    if published:
        return Check(name, ok=True, detail=f"another one than setup's publishes to {namespace}")
    said = f"the cluster is not prepared: nobody publishes Envoy's metrics to {namespace}"
    return Check(name, ok=False, detail=said, fix=_setup(site, namespace))


def _setup(site: Site, namespace: str) -> str:
    return f"chimera setup {site.cluster} --namespace {namespace}"
