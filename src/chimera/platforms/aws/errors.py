"""AWS's errors as ours, in one place: a plain sentence, and what to do."""

from __future__ import annotations

import re

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from chimera.core.errors import ProviderDenied, ProviderError, ProviderRefused, ProviderUnavailable
from chimera.platforms.aws.codes import ABSENT, Meaning, meaning_of

PROVIDER = "aws"
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_KEY = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_LIMITS = frozenset({"LimitExceeded", "LimitExceededException", "ResourceLimitExceeded"})
# What IAM calls the services that boto3 calls otherwise.
_PREFIXES = {"elbv2": "elasticloadbalancing"}
# A call may need another permission than its own: to pass a role, to tag.
_NAMED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_HINT_LOG_IN = "`aws sts get-caller-identity` shows who you are; log in again or set a profile"
_HINT_NETWORK = "check the network, the region and AWS_ENDPOINT_URL"
_ENDED = "AWS ended App Mesh on 2026-09-30, and it does not answer"
_HINT_ENDED = "move on to ecs-alb; for an endpoint of your own, check AWS_ENDPOINT_URL"
_NO_IDENTITY = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.LoginError,
)
# What a proxy between us and AWS says instead of it is no answer either.
_NO_ANSWER = (boto.ConnectionError, boto.HTTPClientError, ResponseParserError)


def code_of(error: BaseException) -> str:
    """Return the error's code, "" if AWS did not answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def is_absent(error: BaseException | None) -> bool:
    """Whether this error, or the one it was made of, says that something does not exist."""
    while error is not None:
        if code_of(error) in ABSENT:
            return True
        error = error.__cause__
    return False


def caused_by(error: BaseException | None, *codes: str) -> bool:
    """Whether this error was made of one with such a code."""
    while error is not None:
        if code_of(error) in codes:
            return True
        error = error.__cause__
    return False


def meaning(error: BaseException) -> Meaning:
    """Tell what an error of boto means for the caller."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return meaning_of(code_of(error), _text(error), status)
    if isinstance(error, _NO_IDENTITY):
        return Meaning.DENIED
    if isinstance(error, _NO_ANSWER):
        return Meaning.BROKEN
    return Meaning.REFUSED


def translate(
    error: BotoCoreError | ClientError | ResponseParserError, operation: str
) -> ProviderError:
    """Return what to raise instead; `operation` as "ecs CreateService"."""
    reason = _text(error).rstrip(". ")
    match meaning(error):
        case Meaning.THROTTLED:
            hint = "other callers of this account and region take part in the same limit"
            return ProviderUnavailable(
                PROVIDER, operation, f"too many requests: {reason}", hint=hint
            )
        case Meaning.BROKEN:
            hint = "" if isinstance(error, ClientError) else _HINT_NETWORK
            if hint and operation.startswith("appmesh "):
                said = f"{_ENDED}: {reason}"
                return ProviderUnavailable(PROVIDER, operation, said, hint=_HINT_ENDED)
            return ProviderUnavailable(PROVIDER, operation, f"no good answer: {reason}", hint=hint)
        case Meaning.BUSY:
            return ProviderUnavailable(PROVIDER, operation, f"not now: {reason}")
        case Meaning.DENIED:
            return ProviderDenied(PROVIDER, operation, reason, hint=_denied(error, operation))
        case Meaning.REFUSED:
            return ProviderRefused(PROVIDER, operation, reason, hint=_refused(error, operation))


def _text(error: BaseException) -> str:
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        code, message = answer.get("Code", ""), answer.get("Message", "")
        return f"{message} ({code})" if message else str(code)
    return " ".join(str(error).split())


def _denied(error: BaseException, operation: str) -> str:
    code = code_of(error)
    if code in _EXPIRED:
        return f"the credentials have expired: {_HINT_LOG_IN}"
    if not code or code in _UNKNOWN_KEY:
        return f"there are no valid credentials: {_HINT_LOG_IN}"
    if code == "RegionDisabledException":
        return "enable the region for this account, or name another one"
    named = _NAMED_ACTION.search(_text(error))
    action = named[1] if named else action_of(operation)
    return f"allow {action} to this identity; `chimera policy` prints all it needs"


def action_of(operation: str) -> str:
    """Return the permission that an operation such as "elbv2 ModifyRule" needs."""
    service, _, api = operation.partition(" ")
    return f"{_PREFIXES.get(service, service)}:{api}"


def _refused(error: BaseException, operation: str) -> str:
    code = code_of(error)
    if code in ABSENT:
        return "check the name, the region and the account: `aws sts get-caller-identity`"
    if code in _LIMITS:
        return f"a quota of {operation.partition(' ')[0]} is used up: free some, or have it raised"
    if isinstance(error, boto.NoRegionError):
        return "say which region: target.region, or AWS_REGION"
    return ""
