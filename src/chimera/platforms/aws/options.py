"""What the operator says about a service that runs on Amazon ECS."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from chimera.core.errors import SpecError
from chimera.core.model import Revision, Service
from chimera.core.spec.values import Duration, lasting
from chimera.platforms.aws.identity import Identity, version_of

Name = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^[A-Za-z0-9_.:/-]+$")]
_REGION = r"^([a-z]{2,4}(-[a-z]+)+-[0-9]{1,2})?$"


class EcsTarget(BaseModel):
    """An ECS service that exists already; Chimera clones it, and swaps it at the promotion."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )

    cluster: Name = Field(description="ECS cluster, by name or ARN.")
    service: Name = Field(
        description="ECS service to begin with, by name. After a promotion the one that replaced "
        "it is found by itself: keep the name as it is.",
    )
    region: Annotated[str, Field(pattern=_REGION)] = Field(
        default="", description="AWS region, e.g. eu-west-1; default: what boto3 is set up for."
    )
    profile: str = Field(
        default="", description="Profile of the AWS configuration; default: boto3's own search."
    )
    role: Annotated[str, Field(pattern=r"^(arn:[a-z-]+:iam::[0-9]{12}:role/.+)?$")] = Field(
        default="", description="ARN of a role to assume for every call; default: none."
    )
    external_id: Annotated[str, Field(max_length=1224, pattern=r"^[A-Za-z0-9_+=,.@:/-]*$")] = Field(
        default="",
        description="External id that the trust policy of `role` asks for; it is not a secret.",
    )
    container: str = Field(
        default="",
        description="The container that holds the application; default: the only essential one "
        "that is not a known sidecar.",
    )
    replicas: Annotated[int, Field(strict=True, ge=1, le=5000)] = Field(
        default=1,
        description="Tasks of the very first version, where the service has none yet; later "
        "versions take the stable one's number.",
    )
    start_timeout: Annotated[Duration, lasting("1s", "1h")] = Field(
        default=timedelta(minutes=10),
        description="How long a version's tasks may take until all run and can be reached.",
    )
    stop_timeout: Annotated[Duration, lasting("1s", "10m")] = Field(
        default=timedelta(minutes=2),
        description="How long a removed version's tasks may take to end before its service is "
        "deleted anyway.",
    )

    @property
    def identity(self) -> Identity:
        """As whom and where calls are made."""
        return Identity(self.region, self.profile, self.role, self.external_id)


class EcsAppMeshTarget(EcsTarget):
    """An ECS service in an App Mesh: the weights of a route steer its traffic."""

    mesh: Name = Field(description="App Mesh mesh, by name.")
    virtual_router: Name = Field(description="Virtual router that holds the route, by name.")
    route: Name = Field(description="Route that sends the traffic to the service, by name.")
    envoy_image: str = Field(
        default="public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod",
        description="Image of the Envoy sidecar, where the task definition has none yet.",
    )
    propagation: Annotated[Duration, lasting("0s", "5m")] = Field(
        default=timedelta(seconds=10),
        description="How long a change of the route may take to reach every Envoy; a version "
        "without traffic is kept for at least as long.",
    )
    load_balancers: Literal["refuse", "share"] = Field(
        default="refuse",
        description="What to do when the ECS service is also a target of a load balancer. share: "
        "the new version joins its target groups at once, so requests that come that way meet it "
        "whatever the weights say.",
    )
    namespace: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="ECS/ContainerInsights/Prometheus",
        description="CloudWatch namespace of the Envoy metrics, as the agent publishes them.",
    )
    period: Annotated[Duration, lasting("1s", "1h")] = Field(
        default=timedelta(minutes=1),
        description="Period of those metrics: how often the agent publishes.",
    )

    @field_validator("period")
    @classmethod
    def _period(cls, period: timedelta) -> timedelta:
        seconds = period.total_seconds()
        if seconds not in {1, 5, 10, 20, 30} and seconds % 60:
            raise ValueError("CloudWatch knows periods of 1, 5, 10, 20, 30 and n x 60 seconds")
        return period


_Target = TypeVar("_Target", bound=EcsTarget)


def target_of(service: Service, model: type[_Target]) -> _Target:
    """Read a service's settings; SpecError with one line per mistake."""
    settings = {key: value for key, value in service.settings.items() if key != "platform"}
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        problems = [
            f"target.{'.'.join(map(str, mistake['loc'][:1]))}: {mistake['msg']}"
            for mistake in error.errors()
        ]
        message = f"the target of service '{service.name}' is wrong: {problems[0]}"
        raise SpecError(message, problems=problems) from None


def build_revision(service: Service, *, version: str, image: str) -> Revision:
    """Name what the operator asked for; SpecError if it cannot be told.

    A version without an image is a tag in the repository of the image that runs.
    """
    name = version or version_of(image)
    if not name:
        raise SpecError(
            f"'{service.name}' runs images on ECS, but none was given",
            hint="say which: --image REPOSITORY:TAG, or --version TAG in the present repository",
        )
    try:
        return Revision(name, image)
    except ValueError as error:
        raise SpecError(str(error), hint="say which version: --version v2") from None
