"""Every error that AWS documents for a call we make is retried or refused, on purpose."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ServiceModel

from chimera.core.errors import ProviderDenied, ProviderRefused, ProviderUnavailable
from chimera.platforms.aws import codes
from chimera.platforms.aws.codes import CODES, Meaning, meaning_of
from chimera.platforms.aws.errors import is_absent, translate
from chimera.platforms.aws.permissions import PLATFORMS, PURPOSES, actions

# Permissions that no call has for its name, and calls that need no permission.
PASSED, FREE = {"iam:PassRole"}, {"sts:GetCallerIdentity", "sts:AssumeRole"}
CALLS = sorted({*actions(PLATFORMS, PURPOSES), *FREE} - PASSED)
LISTS = [
    codes._THROTTLED,
    codes._BROKEN,
    codes._BUSY,
    codes._DENIED,
    codes._REFUSED,
]


def answer(code: str, message: str = "", status: int = 400) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Call")  # type: ignore[arg-type]


@pytest.mark.parametrize("call", CALLS)
def test_every_documented_error_has_a_meaning(call: str) -> None:
    service, _, operation = call.partition(":")
    name = {"elasticloadbalancing": "elbv2"}.get(service, service)
    shapes: list[Any] = model_of(name).operation_model(operation).error_shapes
    documented = {shape.error_code for shape in shapes}
    assert documented <= CODES.keys()


@cache
def model_of(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def test_no_code_has_two_meanings() -> None:
    listed = [code for codes in LISTS for code in codes.split()]
    assert len(listed) == len(set(listed)) == len(CODES)


@pytest.mark.parametrize(
    ("code", "text", "status", "meaning"),
    [
        ("ThrottlingException", "Rate exceeded", 400, Meaning.THROTTLED),
        ("ClientException", "Too many concurrent attempts to create a revision", 400, Meaning.BUSY),
        ("InvalidParameterException", "a service that is still Draining.", 400, Meaning.BUSY),
        (
            "InvalidParameterException",
            "The target group arn:x does not have an associated load balancer.",
            400,
            Meaning.BUSY,
        ),
        (
            "InvalidParameterException",
            "inactive. Specify an active one and try again.",
            400,
            Meaning.REFUSED,
        ),
        ("InvalidParameterException", "desiredCount must be positive", 400, Meaning.REFUSED),
        ("ClientException", "User is not authorized to perform: iam:PassRole", 400, Meaning.DENIED),
        ("NobodyKnows", "", 429, Meaning.THROTTLED),
        ("NobodyKnows", "", 503, Meaning.BROKEN),
        ("NobodyKnows", "", 403, Meaning.DENIED),
        ("NobodyKnows", "", 400, Meaning.REFUSED),
        ("NobodyKnows", "Rate exceeded", 400, Meaning.THROTTLED),
    ],
)
def test_a_vague_or_unknown_code_goes_by_its_text_and_status(
    code: str, text: str, status: int, meaning: Meaning
) -> None:
    assert meaning_of(code, text, status) is meaning


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (answer("AccessDeniedException", "no"), ProviderDenied, "allow ecs:CreateService"),
        (answer("ExpiredTokenException", "old"), ProviderDenied, "expired"),
        (answer("UnrecognizedClientException"), ProviderDenied, "no valid credentials"),
        (boto.NoCredentialsError(), ProviderDenied, "no valid credentials"),
        (boto.ProfileNotFound(profile="x"), ProviderDenied, "log in"),
        (answer("ClusterNotFoundException", "gone"), ProviderRefused, "region"),
        (answer("LimitExceededException", "100"), ProviderRefused, "quota of ecs"),
        (boto.NoRegionError(), ProviderRefused, "target.region"),
        (answer("ThrottlingException", "slow"), ProviderUnavailable, "limit"),
        (answer("ServerException", "oh", 500), ProviderUnavailable, ""),
        (answer("ResourceInUseException", "used"), ProviderUnavailable, ""),
        (boto.EndpointConnectionError(endpoint_url="http://x"), ProviderUnavailable, "network"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), ProviderUnavailable, "network"),
        (boto.ConnectionClosedError(endpoint_url="http://x"), ProviderUnavailable, "network"),
    ],
)
def test_an_error_says_what_happened_and_what_to_do(
    error: BotoCoreError | ClientError, kind: type[ProviderRefused], hint: str
) -> None:
    found = translate(error, "ecs CreateService")
    assert type(found) is kind
    assert str(found).startswith("aws: ecs CreateService: ")
    assert "\n" not in str(found)
    assert hint in found.hint
    assert kind is not ProviderDenied or found.exit_code == 7


def test_app_mesh_that_does_not_answer_has_ended() -> None:
    gone = boto.EndpointConnectionError(endpoint_url="https://appmesh.eu-west-1.amazonaws.com")
    found = translate(gone, "appmesh ListMeshes")
    assert "AWS ended App Mesh on 2026-09-30" in str(found)
    assert "ecs-alb" in found.hint


def test_what_does_not_exist_is_recognised_behind_our_own_error() -> None:
    error = translate(answer("NotFoundException", "no"), "appmesh DescribeRoute")
    error.__cause__ = answer("NotFoundException", "no")
    assert is_absent(error)
    assert not is_absent(translate(answer("BadRequestException"), "appmesh DescribeRoute"))
