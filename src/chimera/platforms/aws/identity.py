"""Names that need no SDK: as whom and where calls are made, and the version in an image's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """Where and as whom calls are made; "" is what boto3 finds by itself.

    external_id: what the trust policy of `role` may ask for.
    """

    region: str = ""
    profile: str = ""
    role: str = ""
    external_id: str = ""


def version_of(image: str) -> str:
    """Take the tag, or the beginning of the digest; an image without either is its own name."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if digest and not tag:
        return digest.replace(":", "-")[:19]
    return tag or name


def repository_of(image: str) -> str:
    """Return an image's name without its tag and digest."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def with_tag(image: str, tag: str) -> str:
    """Return another tag of an image's repository."""
    return f"{repository_of(image)}:{tag}"
