"""Container images: the version in a name, and the digest behind a tag."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chimera.core.errors import ProviderDenied, ProviderRefused
from chimera.platforms.aws.errors import PROVIDER, is_absent
from chimera.platforms.aws.found import ImageTag
from chimera.platforms.aws.identity import repository_of
from chimera.platforms.aws.session import Account

_ECR = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Pinned:
    """An image as tasks will run it. note: why it is not pinned to a digest, "" if it is."""

    image: str
    note: str = ""


async def pin(account: Account, image: str, *, own: str = "") -> Pinned:
    """Find the digest behind a tag, so that every task runs the same bytes.

    own: the account's number; another one may let its images be pulled and not be described.
    ProviderRefused if the registry says that there is no such image.
    """
    found = _ECR.fullmatch(image)
    if "@" in image:
        return Pinned(image)
    if found is None:
        return Pinned(image, f"{image} is not in ECR, so its tag is not pinned to a digest")
    if found["region"] != account.region:
        note = f"{image} is in another region, so its tag is not pinned to a digest"
        return Pinned(image, note)
    tag = found["tag"] or "latest"
    try:
        answer = await account.call(
            account.ecr.describe_images,
            registryId=found["account"],
            repositoryName=found["repository"],
            imageIds=[{"imageTag": tag}],
        )
        details = answer["imageDetails"]
    except ProviderDenied:
        if found["account"] == own:
            raise
        note = (
            f"{image} is account {found['account']}'s, where ecr:DescribeImages is not allowed to "
            "us, so its tag is not pinned to a digest"
        )
        return Pinned(image, note)
    except ProviderRefused as error:
        if not is_absent(error):
            raise
        details = []
    if not details:
        raise ProviderRefused(
            PROVIDER,
            "find the image",
            f"{image} does not exist in ECR",
            hint="push it first, or check its name and tag",
        )
    # ECS documents a tag or a digest, not both.
    repository = image.removesuffix(f":{tag}") if found["tag"] else image
    return Pinned(f"{repository}@{details[0]['imageDigest']}")


async def newest(account: Account, image: str, most: int = 20) -> tuple[ImageTag, ...]:
    """Return the newest tags in an image's repository, each resolved to its digest.

    ProviderRefused where the repository cannot be listed: outside ECR, or in another region.
    """
    found = _ECR.fullmatch(image)
    if found is None or found["region"] != account.region:
        where = "in another region" if found else "not in ECR"
        reason = f"the tags of {repository_of(image)} cannot be listed: it is {where}"
        raise ProviderRefused(PROVIDER, "list images", reason, hint="name one: --image NAME:TAG")
    details = await account.pages(
        account.ecr.describe_images,
        "imageDetails",
        registryId=found["account"],
        repositoryName=found["repository"],
        filter={"tagStatus": "TAGGED"},
    )
    # Of one second, which is all that ECR tells, the one that is listed last.
    details.reverse()
    details.sort(key=_pushed, reverse=True)
    name = repository_of(image)
    tags: list[ImageTag] = []
    for one in details:
        digest, at = str(one["imageDigest"]), one.get("imagePushedAt")
        for tag in one.get("imageTags") or ():
            runs = image.endswith(f"@{digest}") or image == f"{name}:{tag}"
            when = at.astimezone(UTC).isoformat(timespec="seconds") if at else ""
            tags.append(ImageTag(tag, f"{name}:{tag}", digest, f"{name}@{digest}", when, runs))
    return tuple(tags[:most])


def _pushed(detail: dict[str, Any]) -> datetime:
    at = detail.get("imagePushedAt")
    return at if isinstance(at, datetime) else datetime.min.replace(tzinfo=UTC)
