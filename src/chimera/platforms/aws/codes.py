"""What each error code of AWS means for a caller. A test holds it against botocore's models."""

from __future__ import annotations

import re
from enum import Enum


class Meaning(Enum):
    """throttled: not done, ask less often. broken: perhaps done, read before asking again.

    busy: not now, since something else is not through yet. denied: by credentials or permission.
    refused: never as asked.
    """

    THROTTLED = "throttled"
    BROKEN = "broken"
    BUSY = "busy"
    DENIED = "denied"
    REFUSED = "refused"


_THROTTLED = """
    BandwidthLimitExceeded EC2ThrottledException PriorRequestNotComplete
    ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled
    RequestThrottledException SlowDown ThrottledException Throttling ThrottlingException
    TooManyRequests TooManyRequestsException
"""
_BROKEN = """
    InternalError InternalFailure InternalServerError InternalServerErrorException
    InternalServiceError InternalServiceException InternalServiceFault RequestTimeout
    RequestTimeoutException ServerException ServiceException ServiceFailure ServiceUnavailable
    ServiceUnavailableException
"""
_BUSY = """
    ConcurrentModification ConcurrentUpdateException ConflictException DeleteConflict
    DuplicateRequest HealthUnavailable OperationAbortedException ResourceInUse
    ResourceInUseException TransactionInProgressException TrustStoreNotReady
    UnableToGetUpstreamImageException UpdateInProgressException
"""
_DENIED = """
    AccessDenied AccessDeniedException AuthFailure AuthorizationError AuthorizationErrorException
    ExpiredToken ExpiredTokenException FailedResourceAccessException ForbiddenException
    IncompleteSignature InvalidAccessKeyId InvalidClientTokenId InvalidSignatureException
    MissingAuthenticationToken MissingAuthenticationTokenException NotAuthorized
    OperationNotPermitted OptInRequired RegionDisabledException RequestExpired SignatureDoesNotMatch
    UnauthorizedOperation UnrecognizedClientException
"""
_REFUSED = """
    ALPNPolicyNotFound BadRequestException CertificateNotFound ClientException
    ClusterNotFoundException DuplicateListener DuplicateTagKeys DuplicateTargetGroupName
    EntityAlreadyExists ImageNotFoundException IncompatibleProtocols InstanceNotFound
    InvalidConfigurationRequest InvalidInput InvalidLoadBalancerAction InvalidNextToken
    InvalidNextTokenException InvalidParameterException InvalidParameterValue InvalidTarget
    LimitExceeded LimitExceededException ListenerNotFound LoadBalancerNotFound
    MalformedPolicyDocument NamespaceNotFound NamespaceNotFoundException NoSuchEntity
    NotFoundException ObjectNotFoundException PackedPolicyTooLarge
    PlatformTaskDefinitionIncompatibilityException PlatformUnknownException PolicyEvaluation
    PolicyNotAttachable RepositoryNotFoundException ResourceAlreadyExistsException
    ResourceLimitExceeded ResourceNotFoundException RuleNotFound SSLPolicyNotFound
    ServiceAlreadyExists ServiceNotActiveException ServiceNotFound ServiceNotFoundException
    TargetGroupAssociationLimit TargetGroupNotFound TooManyActions TooManyCertificates
    TooManyListeners TooManyRegistrationsForTargetId TooManyTags TooManyTagsException
    TooManyTargetGroups TooManyTargets TooManyUniqueTargetGroupsPerLoadBalancer TrustStoreNotFound
    UnmodifiableEntity UnsupportedFeatureException UnsupportedProtocol ValidationError
    ValidationException
"""
CODES = {
    code: meaning
    for meaning, codes in (
        (Meaning.THROTTLED, _THROTTLED),
        (Meaning.BROKEN, _BROKEN),
        (Meaning.BUSY, _BUSY),
        (Meaning.DENIED, _DENIED),
        (Meaning.REFUSED, _REFUSED),
    )
    for code in codes.split()
}
# Codes that mean too much by themselves: the text tells.
_WORDS = (
    (re.compile(r"rate exceeded|throttl", re.I), Meaning.THROTTLED),
    (
        re.compile(
            r"too many concurrent|still draining|(please try|try again l)|temporar|"
            r"does not have an associated load balancer",
            re.I,
        ),
        Meaning.BUSY,
    ),
    (re.compile(r"not authorized to perform|unable to assume (the|role)", re.I), Meaning.DENIED),
)
_VAGUE = {
    "BadRequestException",
    "ClientException",
    "InvalidParameterException",
    "ValidationError",
    "ValidationException",
}
ABSENT = frozenset(code for code in CODES if "NotFound" in code or code == "NoSuchEntity")


def meaning_of(code: str, text: str = "", status: int = 0) -> Meaning:
    """Tell an error code's meaning; an unknown one goes by the HTTP status, 0 if unknown."""
    known = CODES.get(code)
    if known is None or code in _VAGUE:
        for words, meaning in _WORDS:
            if words.search(text):
                return meaning
    if known is not None:
        return known
    if status == 429:
        return Meaning.THROTTLED
    if status >= 500:
        return Meaning.BROKEN
    return Meaning.DENIED if status in {401, 403} else Meaning.REFUSED
