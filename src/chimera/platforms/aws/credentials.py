"""As whom calls are made: boto3's own search, and a role that is assumed with what it finds.

Credentials stay inside botocore, which renews those that end before they do.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, cast

import boto3
import botocore.session
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader, create_loader

from chimera.platforms.aws.identity import Identity


def session_of(identity: Identity) -> boto3.Session:
    """Return boto3's session of an identity; raises botocore's own errors."""
    bare = _bare(identity.profile)
    base = boto3.Session(botocore_session=bare, region_name=identity.region or None)
    if base.region_name is None:
        # boto3 alone among AWS's SDKs does not read AWS_REGION, which ECS and CI systems set.
        region = os.environ.get("AWS_REGION") or None
        base = boto3.Session(botocore_session=bare, region_name=region)
    if not identity.role:
        return base
    source = base.get_credentials()
    if source is None:
        raise NoCredentialsError
    asked = {"RoleSessionName": "chimera"}
    if identity.external_id:
        asked["ExternalId"] = identity.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=base._session.create_client,
        source_credentials=source,
        role_arn=identity.role,
        extra_args=asked,
    )
    assumed = _bare(identity.profile)
    cast("Any", assumed)._credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.Session(botocore_session=assumed, region_name=base.region_name)


def read_models(session: boto3.Session, *services: str) -> None:
    """Read what the clients of services are made from: large files, once for all sessions."""
    loader = session._session.get_component("data_loader")
    for service in services:
        for part in ("service-2", "endpoint-rule-set-1"):
            # Exactly as botocore asks, whose memory goes by the arguments.
            loader.load_service_model(service, part, api_version=None)


def profiles() -> list[str]:
    """Return the profiles of this machine's AWS configuration, sorted; raises botocore's errors."""
    return sorted(_bare("").available_profiles)


def all_regions() -> list[str]:
    """Return the regions of AWS that have ECS, as this release of botocore knows them, sorted."""
    return sorted(_bare("").get_available_regions("ecs"))


def _bare(profile: str) -> botocore.session.Session:
    """Return botocore's session of a profile; the models of AWS are read once for all of them."""
    _forget_empty_settings()
    session = botocore.session.Session(profile=profile or None)
    path = str(session.get_config_variable("data_path") or "")
    session.register_component("data_loader", _models(path))
    return session


def _forget_empty_settings() -> None:
    """Take empty variables for none, as all of Chimera does, and compose files set them.

    botocore, which reads them itself and in many places, looks for a profile without a name, an
    empty CA bundle, a retry mode "".
    """
    for name in list(os.environ):
        if name.startswith("AWS_") and not os.environ[name]:
            os.environ.pop(name, None)


@cache
def _models(path: str) -> Loader:
    return create_loader(path or None)
