"""Getting ready for AWS: who Chimera is there, what runs, what may not be done, the setup."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from chimera.api.idempotency import Idempotent
from chimera.api.parts import reads, writes
from chimera.api.problems import documented
from chimera.api.replies import reply
from chimera.api.shapes import FactsRequest, Platform, SetupRequest
from chimera.app.cloud import (
    PLATFORMS,
    PURPOSES,
    Cloud,
    Connection,
    Found,
    Identity,
    ImageTag,
    Missing,
    ServiceFacts,
    policy_document,
)
from chimera.core.access import Role
from chimera.core.model import Change

router = APIRouter(prefix="/aws", tags=["aws"], route_class=Idempotent)

Purpose = Literal["discovery", "setup", "deploy"]
_LOOKS = documented(424)
_ANYTHING = Query(
    max_length=255,
    pattern=r"^[A-Za-z0-9_.:/@+=-]+$|^\*$",
    description="Limit it to this; * is any.",
)


def _anywhere(
    profile: Annotated[str, Query(max_length=200, description="Of the AWS configuration.")] = "",
    role: Annotated[str, Query(max_length=2_048, description="To assume, an ARN.")] = "",
    external_id: Annotated[
        str, Query(max_length=1_224, description="That the role asks for.")
    ] = "",
) -> Identity:
    return Identity("", profile, role, external_id)


Anywhere = Annotated[Identity, Depends(_anywhere)]


def _identity(
    who: Anywhere,
    region: Annotated[str, Query(max_length=50, description='"" is what AWS is set up for.')] = "",
) -> Identity:
    return replace(who, region=region)


Who = Annotated[Identity, Depends(_identity)]


@router.get(
    "/connection",
    operation_id="getAwsConnection",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=Connection,
    responses=_LOOKS,
)
async def connection(who: Who) -> Response:
    """Say who Chimera is to AWS, and where its credentials come from."""
    async with Cloud() as cloud:
        return reply(await cloud.connect(who))


@router.get(
    "/permissions",
    operation_id="getAwsPermissions",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=Missing,
    responses=_LOOKS,
)
async def permissions(
    who: Who,
    platform: Platform = "ecs-alb",
    purpose: Annotated[list[Purpose], Query()] = ["deploy"],  # noqa: B006
    cluster: Annotated[str, Query(max_length=255)] = "",
) -> Response:
    """Say which permissions are missing."""
    async with Cloud() as cloud:
        return reply(await cloud.permissions(who, platform, purpose, cluster=cluster))


@router.get(
    "/discovery",
    operation_id="discover",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=list[Found],
    responses=_LOOKS,
)
async def discovery(
    who: Anywhere,
    platform: Platform = "ecs-alb",
    cluster: Annotated[str, Query(max_length=255, description="Only its services.")] = "",
    regions: Annotated[
        list[Annotated[str, Field(max_length=50)]],
        Query(alias="region", max_length=30, description="Can be given several times."),
    ] = [],  # noqa: B006
) -> Response:
    """List what runs on AWS, and why some of it cannot be used."""
    async with Cloud() as cloud:
        return reply(await cloud.discover(who, platform, regions=regions, cluster=cluster))


@router.post(
    "/facts",
    operation_id="getFacts",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=ServiceFacts,
    responses=_LOOKS,
)
async def facts(asked: FactsRequest) -> Response:
    """Say what is to know of one service before a rollout: what runs, its traffic, its checks."""
    who = Identity(asked.region, asked.profile, asked.role, asked.external_id)
    async with Cloud() as cloud:
        return reply(await cloud.facts(who, asked.platform, asked.target, name=asked.name))


@router.get(
    "/images",
    operation_id="listImages",
    dependencies=reads(Role.OPERATOR, service="*"),
    response_model=list[ImageTag],
    responses=_LOOKS,
)
async def images(
    who: Who,
    image: Annotated[str, Query(min_length=1, max_length=512, description="Of the repository.")],
) -> Response:
    """List the newest tags in an image's repository, each with its digest."""
    async with Cloud() as cloud:
        return reply(list(await cloud.versions(who, image)))


@router.get(
    "/policy",
    operation_id="getPolicy",
    dependencies=reads(),
    response_model=dict[str, Any],
    responses=documented(),
)
async def get_policy(
    platform: Annotated[list[Platform], Query()] = [],  # noqa: B006
    purpose: Annotated[list[Purpose], Query()] = [],  # noqa: B006
    account: Annotated[str, _ANYTHING] = "*",
    region: Annotated[str, _ANYTHING] = "*",
    cluster: Annotated[str, _ANYTHING] = "*",
    mesh: Annotated[str, _ANYTHING] = "*",
) -> Response:
    """Return the least IAM policy under which Chimera works on AWS."""
    limits = {"account": account, "region": region, "cluster": cluster, "mesh": mesh}
    return reply(policy_document(platform or PLATFORMS, purpose or PURPOSES, **limits))


@router.post(
    "/setup",
    operation_id="setUp",
    dependencies=writes(Role.ADMIN),
    response_model=list[Change],
    responses=documented(409, 424),
)
async def set_up(wanted: SetupRequest) -> Response:
    """Prepare a cluster for ecs-appmesh, once, or undo it; return what was or would be done."""
    who = Identity(wanted.region, wanted.profile, wanted.role, wanted.external_id)
    async with Cloud() as cloud:
        found = await cloud.setup(
            who, wanted.cluster, namespace=wanted.namespace, image=wanted.image
        )
        if wanted.dry_run:
            return reply(await (found.removal() if wanted.remove else found.plan()))
        return reply(await (found.remove() if wanted.remove else found.apply()))
