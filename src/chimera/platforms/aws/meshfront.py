"""App Mesh as what tasks stand behind: a virtual node per version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.core.model import Change, Resource
from chimera.platforms.aws import cloudmap, mesh, nodes, sidecar
from chimera.platforms.aws.arms import Arm, Backend
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.front import Making, Writes
from chimera.platforms.aws.meshuses import uses_elsewhere
from chimera.platforms.aws.naming import ecs_tags
from chimera.platforms.aws.options import EcsAppMeshTarget, EcsTarget
from chimera.platforms.aws.permissions import MESH
from chimera.platforms.aws.planning import shown
from chimera.platforms.aws.routememory import MEMORY, memory_of
from chimera.platforms.aws.routes import alone

NODE = "appmesh-virtual-node"
REGISTRY = "cloudmap-service"
_FOR_DNS = frozenset(
    f"servicediscovery:{name}"
    for name in (
        "CreateService",
        "DeleteService",
        "GetNamespace",
        "GetService",
        "ListServices",
        "TagResource",
    )
)
_ORDER = {NODE: -10, REGISTRY: 5, MEMORY: 20}


class AppMeshFront:
    """The Front of App Mesh."""

    platform = MESH
    options: type[EcsTarget] = EcsAppMeshTarget
    clients: Sequence[str] = ("appmesh", "servicediscovery", "cloudwatch")

    async def serving(self, site: Site) -> Backend:
        """Return the node that serves by default: the route's first, which is how we write it."""
        found = (await mesh.read_route(site)).targets
        if len(found) > 1:
            last = await mesh.node_backend(site, found[-1].node)
            if len(found) > 2 or not last.ours:
                raise _divided([one.node for one in found])
        return await mesh.node_backend(site, found[0].node)

    async def check(self, site: Site, stable: Arm) -> None:
        """Refuse what App Mesh could not steer, or could steer only with surprise."""
        route = await mesh.read_route(site)
        account = str(stable.service["serviceArn"]).split(":")[4]
        if route.owner != account:
            reason = f"mesh '{mesh.options(site).mesh}' belongs to account {route.owner}"
            hint = "let that account deploy, or use a mesh of your own"
            raise ProviderRefused(PROVIDER, "read the mesh", reason, hint=hint)
        if route.spec.get("tcpRoute"):
            reason = f"route '{mesh.options(site).route}' is of TCP: nothing counts its failures"
            hint = "a canary of it cannot be judged; make it a route of HTTP, HTTP/2 or gRPC"
            raise ProviderRefused(PROVIDER, "read the route", reason, hint=hint)
        used = await uses_elsewhere(site, stable.backend.id)
        if used:
            reason = f"virtual node '{stable.backend.id}' is used by {', '.join(used)} as well"
            hint = "give each its own node: this one goes when its version is replaced"
            raise ProviderRefused(PROVIDER, "read the virtual node", reason, hint=hint)
        cloudmap.refuse_absent(stable.service)
        nodes.refuse_unfit(stable.backend.id, await _spec(site, stable), stable)
        behind = stable.service.get("loadBalancers")
        if behind and mesh.options(site).load_balancers == "refuse":
            name = stable.service["serviceName"]
            reason = f"ECS service '{name}' is a load balancer's target beside the mesh"
            hint = (
                "steer it with the platform ecs-alb; or, if requests may meet the canary whatever "
                "the weights say, set target.loadBalancers: share"
            )
            raise ProviderRefused(PROVIDER, "read the service", reason, hint=hint)

    async def spare(self, site: Site, stable: Arm) -> frozenset[str]:
        """Return what only a node that finds its tasks by DNS needs, where this one does not."""
        return frozenset() if nodes.by_dns(await _spec(site, stable)) else _FOR_DNS

    def name(self, site: Site, stable: Arm, name: str) -> str:  # noqa: ARG002
        """Return the node's name, which is the version's."""
        return name

    async def resources(self, site: Site, making: Making) -> tuple[Resource, ...]:
        """Return the records of the node, of its name where it has one, and of the route now."""
        version = making.version
        found = [version.resource(site, NODE, self._arn(site, making))]
        if nodes.by_dns(await _spec(site, making.like)):
            like = await self._registry(site, making.like)
            found.append(registry(site, version, like["NamespaceId"]))
        if not making.like.idle:
            found.append(
                memory_of(
                    await mesh.read_route(site),
                    service=site.service.name,
                    stable=making.like.revision.name,
                    canary=version.revision.name,
                    rollout=version.rollout,
                )
            )
        return tuple(found)

    async def make(self, site: Site, making: Making) -> Version:
        """Create the version's node, which finds the version's tasks alone."""
        name, spec = making.version.name, await _spec(site, making.like)
        hostname = ""
        if nodes.by_dns(spec):
            like = await self._registry(site, making.like)
            label = cloudmap.label(name)
            await cloudmap.clone(site, like, label, making.tags)
            hostname = f"{label}.{like['NamespaceName']}"
        wanted = nodes.cloned(spec, name=name, hostname=hostname)
        await mesh.make_node(site, name, wanted, ecs_tags(making.tags))
        return replace(making.version, backend=name)

    async def adapt_definition(self, site: Site, making: Making, request: dict[str, Any]) -> None:
        """Keep or add the Envoy, and tell it its node."""
        listeners = (await _spec(site, making.like)).get("listeners") or ()
        sidecar.adapt(
            request,
            node_arn=self._arn(site, making),
            image=mesh.options(site).envoy_image,
            ports=[int(one["portMapping"]["port"]) for one in listeners],
        )

    async def adapt_service(self, site: Site, making: Making, request: dict[str, Any]) -> None:
        """With DNS, register the tasks under the version's own name."""
        if not nodes.by_dns(await _spec(site, making.like)):
            return
        like = await self._registry(site, making.like)
        label = cloudmap.label(making.version.name)
        arn = await cloudmap.find(site, like["NamespaceId"], label)
        request["serviceRegistries"][0]["registryArn"] = arn

    async def reachable(
        self, site: Site, version: Version, service: Mapping[str, Any]
    ) -> tuple[int, str]:
        """Return how many tasks Cloud Map knows, and what the others say."""
        registry = cloudmap.registry_of(service)
        if not registry:
            return 0, "the ECS service is not registered in Cloud Map"
        return await cloudmap.healthy(site, registry, version.family)

    async def routed(self, site: Site, version: Version) -> bool:
        """Whether the route gives the version's node a weight."""
        found = (await mesh.read_route(site)).targets
        return any(one.node == version.backend and one.weight for one in found)

    async def point(self, site: Site, backend: str) -> None:
        """Send all traffic to one node."""
        route = await mesh.read_route(site)
        await mesh.write_route(site, route, alone(backend, route.targets))

    async def adopted(self, site: Site, arm: Arm, version: Version) -> tuple[Resource, ...]:
        """Return the record of a node that the operator made."""
        arn = mesh.node_arn(site, str(arm.service["clusterArn"]), arm.backend.id)
        return (version.resource(site, NODE, arn, adopted=True),)

    async def remove(self, site: Site, resource: Resource) -> None:
        """Remove a node or a Cloud Map service; a memory of the route is only forgotten."""
        detail = resource.detail
        if resource.kind == NODE:
            name = str(detail["backend"])
            await mesh.take_out(site, name)
            await mesh.delete_node(site, name)
        elif resource.kind == REGISTRY:
            await cloudmap.remove(site, str(detail["namespace"]), str(detail["label"]))

    def order(self, resource: Resource) -> int:
        """The node goes before the ECS service, its Cloud Map service after."""
        return _ORDER.get(resource.kind, 20)

    async def writes(self, site: Site, stable: Arm, making: Making) -> Writes:
        """Return the writes in App Mesh, and in Cloud Map where nodes find their tasks by DNS."""
        node, old = shown(making), stable.backend.id
        route, update = f"route {mesh.options(site).route}", "appmesh:UpdateRoute"
        named: tuple[Change, ...] = ()
        unnamed: tuple[Change, ...] = ()
        if nodes.by_dns(await _spec(site, stable)):
            why, action = "a name of its own in DNS", "servicediscovery:CreateService"
            named = (Change("+", f"Cloud Map service {cloudmap.label(node)}", why, action),)
            if stable.backend.ours:
                gone, action = f"Cloud Map service of {old}", "servicediscovery:DeleteService"
                unnamed = (Change("-", gone, "replaced", action),)
        why = f"like {old}, finds the new version's tasks alone"
        made = Change("+", f"virtual node {node}", why, "appmesh:CreateVirtualNode")
        moving = Change("~", route, f"weights move from {old} to {node} in steps", update)
        alone = Change("~", route, f"leads to {node} alone", update)
        gone_node = Change("-", f"virtual node {old}", "replaced", "appmesh:DeleteVirtualNode")
        return Writes((*named, made), (moving,), (alone,), (gone_node,), unnamed)

    def _arn(self, site: Site, making: Making) -> str:
        return mesh.node_arn(site, str(making.like.service["clusterArn"]), making.version.name)

    async def _registry(self, site: Site, like: Arm) -> dict[str, Any]:
        return await cloudmap.describe(site, cloudmap.registry_of(like.service))


def registry(site: Site, version: Version, namespace: str) -> Resource:
    """Return the record of the Cloud Map service by which a version is found."""
    name = cloudmap.label(version.name)
    kept = {"namespace": namespace, "label": name}
    return version.resource(site, REGISTRY, f"{namespace}/{name}", **kept)


async def _spec(site: Site, arm: Arm) -> dict[str, Any]:
    node = await mesh.read_node(site, arm.backend.id)
    return dict(node["spec"]) if node else {}


def _divided(names: list[str]) -> ProviderRefused:
    reason = f"the route divides its traffic already: {', '.join(names)}"
    hint = "leave it one target; Chimera adds and removes the second one"
    return ProviderRefused(PROVIDER, "read the route", reason, hint=hint)
