"""Finding the version that serves: what the route points at, and the ECS service behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.core.model import Revision
from chimera.platforms.aws import services
from chimera.platforms.aws.containers import application
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import Site, Version
from chimera.platforms.aws.identity import version_of
from chimera.platforms.aws.naming import IMAGE, NAME, ORIGIN, REVISION, ROLLOUT, read_tags


@dataclass(frozen=True, slots=True)
class Backend:
    """What tasks stand behind: a virtual node by its name, a target group by its ARN."""

    id: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether Chimera made it."""
        return NAME in self.tags


@dataclass(frozen=True, slots=True)
class Arm:
    """A version as it stands: its backend, its ECS service and task definition as AWS tells them.

    container: the name of the application's container.
    """

    revision: Revision
    backend: Backend
    service: Mapping[str, Any]
    definition: Mapping[str, Any]
    container: str

    @property
    def idle(self) -> bool:
        """Whether nothing runs yet: a service that was set up, but never had a first version."""
        return not self.backend.ours and not self.desired

    @property
    def desired(self) -> int:
        """How many tasks it is meant to have."""
        return int(self.service["desiredCount"])

    @property
    def origin(self) -> str:
        """The backend from before the very first version, "" if that one is gone."""
        return self.backend.id if self.idle else self.backend.tags.get(ORIGIN, "")

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its ECS service."""
        return read_tags(self.service.get("tags"))

    @property
    def image(self) -> str:
        """The image that its application runs."""
        found = (c for c in self.definition["containerDefinitions"] if c["name"] == self.container)
        return str(next(found)["image"])

    @property
    def version(self) -> Version:
        """Where its resources are."""
        return Version(
            revision=self.revision,
            name=str(self.service["serviceName"]),
            family=str(self.definition["family"]),
            backend=self.backend.id,
            arn=str(self.service["serviceArn"]),
            rollout=self.backend.tags.get(ROLLOUT, ""),
        )


async def arm_behind(site: Site, backend: Backend) -> Arm:
    """Return the version behind a backend; ProviderRefused if its ECS service is not there."""
    name = backend.tags.get(NAME, site.target.service)
    service = await services.describe(site, name)
    if service is None:
        raise _missing(backend, await services.absent(site, name))
    definition = await services.definition(site, service["taskDefinition"])
    container = application(definition, service, site.target.container)
    image = next(c["image"] for c in definition["containerDefinitions"] if c["name"] == container)
    if backend.ours:
        revision = Revision(backend.tags[REVISION], backend.tags.get(IMAGE, ""))
    else:
        revision = Revision(version_of(image), image)
    return Arm(revision, backend, service, definition, container)


def _missing(backend: Backend, reason: str) -> ProviderRefused:
    hint = "check target.cluster, target.service and target.region"
    if backend.ours:
        reason = f"{reason}, but the traffic goes to {backend.id}"
        hint = "restore that service, or point the traffic at one that runs"
    return ProviderRefused(PROVIDER, "read the service", reason, hint=hint)
