"""Whether the agent of a cluster's preparation is there and publishes where a spec looks."""

from __future__ import annotations

from chimera.core.errors import ChimeraError
from chimera.core.words import count
from chimera.platforms.aws import services
from chimera.platforms.aws.agent import agent_name, namespace_of
from chimera.platforms.aws.estate import Site
from chimera.platforms.aws.mesh import options
from chimera.ports.platform import Check


async def check_agent(site: Site, *, published: bool) -> Check:
    """Look for the agent that `chimera setup` makes. published: fresh metrics come in any case."""
    name, wanted = f"agent of {site.cluster}", options(site).namespace
    try:
        found = await services.describe(site, agent_name(site.cluster))
        if found is None:
            return _absent(site, name, wanted, published=published)
        definition = await services.definition(site, str(found["taskDefinition"]))
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
    said = f"{count(running, 'task')} of it run, and publish to {namespace}"
    return Check(name, ok=True, detail=said.replace("1 task of it run", "1 task of it runs"))


def _absent(site: Site, name: str, namespace: str, *, published: bool) -> Check:
    if published:
        return Check(name, ok=True, detail=f"another one than setup's publishes to {namespace}")
    said = f"the cluster is not prepared: nobody publishes Envoy's metrics to {namespace}"
    fix = f"chimera setup {site.cluster} --namespace {namespace}"
    return Check(name, ok=False, detail=said, fix=fix)
