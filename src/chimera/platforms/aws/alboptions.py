"""What the operator says about an ECS service behind an Application Load Balancer."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from chimera.core.spec.values import Duration, lasting
from chimera.platforms.aws.options import EcsTarget

_ARN = r"^(arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:%s/app/.+)?$"


class EcsAlbTarget(EcsTarget):
    """An ECS service behind a load balancer: the weights of target groups steer its traffic."""

    rule: Annotated[str, Field(pattern=_ARN % "listener-rule")] = Field(
        default="",
        description="ARN of the listener rule that sends the traffic to the service; default: the "
        "only rule or listener that does.",
    )
    listener: Annotated[str, Field(pattern=_ARN % "listener")] = Field(
        default="",
        description="ARN of the listener whose default action sends the traffic to the service, "
        "where no rule does.",
    )
    propagation: Annotated[Duration, lasting("0s", "5m")] = Field(
        default=timedelta(seconds=5),
        description="How long a change of the weights may take to reach the load balancer's nodes.",
    )
    period: Annotated[Duration, lasting("1s", "1h")] = Field(
        default=timedelta(minutes=1),
        description="Period of the load balancer's metrics; AWS publishes every minute.",
    )
    web_sockets: bool = Field(
        default=False,
        description="Whether connections are upgraded to WebSockets. A load balancer counts the "
        "request, but no answer 101: with this on, requests without an answer are no errors.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> EcsAlbTarget:
        if self.rule and self.listener:
            raise ValueError("name a rule or a listener, not both: the weights are in one of them")
        return self
