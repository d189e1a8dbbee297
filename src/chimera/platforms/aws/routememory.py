"""What a route said before a rollout's first change: by it others' edits are told from ours."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.core.model import Resource
from chimera.platforms.aws import routes
from chimera.platforms.aws.mesh import Route
from chimera.platforms.aws.routes import Target

MEMORY = "appmesh-route"


def memory_of(route: Route, *, service: str, stable: str, canary: str, rollout: str) -> Resource:
    """Return the record of what a route says, for one rollout."""
    detail = {
        "stable": stable,
        "targets": [one.raw() for one in route.targets],
        "frame": routes.frame(route.spec),
    }
    return Resource(MEMORY, f"{route.arn}#{rollout}", service, canary, rollout, detail)


@dataclass(frozen=True, slots=True)
class Memory:
    """A route as it was."""

    resource: Resource

    @property
    def targets(self) -> tuple[Target, ...]:
        """Its targets, in their order."""
        return tuple(Target.of(raw) for raw in self.resource.detail["targets"])

    @property
    def node(self) -> str:
        """Where stable stood."""
        return self.targets[0].node

    def fits(self, stable: str, canary: str) -> bool:
        """Whether it is of a rollout of `canary`, any if that is "", beside `stable`."""
        known = self.resource
        return known.detail["stable"] == stable and canary in {"", known.revision}

    def framed_alike(self, route: Route) -> bool:
        """Whether all but the targets is as it was: the match, retries, timeouts, the priority."""
        frame = self.resource.detail.get("frame")
        return frame is None or frame == routes.frame(route.spec)
