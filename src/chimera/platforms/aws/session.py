"""Calling AWS: boto3 in threads, one account and region per target, our own retries."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from chimera import __version__
from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.codes import Meaning
from chimera.platforms.aws.credentials import read_models, session_of
from chimera.platforms.aws.errors import PROVIDER, meaning, translate
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.lane import PATIENT, URGENT, Lane
from chimera.platforms.aws.threads import Threads
from chimera.ports.urgency import is_urgent

if TYPE_CHECKING:
    from types_boto3_application_autoscaling import ApplicationAutoScalingClient
    from types_boto3_appmesh import AppMeshClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_ecr import ECRClient
    from types_boto3_ecs import ECSClient
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_iam import IAMClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_servicediscovery import ServiceDiscoveryClient
    from types_boto3_sts import STSClient

log = logging.getLogger(__name__)

WIDTH = 16
# So many more may be calls that give users back: those without an answer hold all other places.
RESERVED = 4
_OF_AWS = re.compile(r"^https://[^/]+\.(amazonaws\.com(\.cn)?|api\.aws)/?$")
# Where an answer names its next page -> what the next request calls that.
_TOKENS = {
    "nextToken": "nextToken",
    "NextToken": "NextToken",
    "NextMarker": "Marker",
    "Marker": "Marker",
}
_READS = ("Describe", "List", "Get", "BatchGet", "Simulate")
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=15,
    max_pool_connections=WIDTH + RESERVED,
    user_agent_extra=f"chimera/{__version__}",
)


# Told of each request before it is sent and after its answer: service ("ecs"), operation, "sent" or
# "answered". What it raises comes out of the call.
Hook = Callable[[str, str, str], None]


class Account:
    """One identity's clients, and the only way to call them."""

    def __init__(self, identity: Identity, threads: Threads, hooks: list[Hook]) -> None:
        self.identity = identity
        self._threads = threads
        self._hooks = hooks
        self._lane = Lane(WIDTH, RESERVED)
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._clients: dict[str, Any] = {}
        # How far this machine's clock is behind AWS's, seconds; None before the first answer.
        self.behind_s: float | None = None

    def prepare(self, *services: str) -> None:
        """Make the first client, which fails if any would, and read what the others are made from.

        They are made when they are wanted: that takes 3 ms each, and few calls need all of them.
        What cannot be read is said then.
        """
        self.client(services[0])
        if self._session is not None:
            with suppress(BotoCoreError, ValueError):
                read_models(self._session, *services[1:])

    def client(self, service: str) -> Any:
        """Return boto3's client of a service, always the same one."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    @property
    def region(self) -> str:
        """The region that calls go to."""
        return str(self.ecs.meta.region_name)

    @property
    def endpoint(self) -> str:
        """Where calls go instead of AWS, "" if they go there: AWS_ENDPOINT_URL or a profile's."""
        url = str(self.sts.meta.endpoint_url)
        return "" if _OF_AWS.search(url) else url

    @property
    def source(self) -> str:
        """Where the credentials come from, in botocore's words, such as "env" or "iam-role"."""
        with self._lock:
            found = self._session.get_credentials() if self._session else None
        return str(found.method) if found else ""

    @property
    def ecs(self) -> ECSClient:
        """Amazon ECS."""
        return cast("ECSClient", self.client("ecs"))

    @property
    def appmesh(self) -> AppMeshClient:
        """AWS App Mesh."""
        return cast("AppMeshClient", self.client("appmesh"))

    @property
    def servicediscovery(self) -> ServiceDiscoveryClient:
        """AWS Cloud Map."""
        return cast("ServiceDiscoveryClient", self.client("servicediscovery"))

    @property
    def cloudwatch(self) -> CloudWatchClient:
        """Amazon CloudWatch."""
        return cast("CloudWatchClient", self.client("cloudwatch"))

    @property
    def logs(self) -> CloudWatchLogsClient:
        """Amazon CloudWatch Logs."""
        return cast("CloudWatchLogsClient", self.client("logs"))

    @property
    def ecr(self) -> ECRClient:
        """Amazon ECR."""
        return cast("ECRClient", self.client("ecr"))

    @property
    def autoscaling(self) -> ApplicationAutoScalingClient:
        """Application Auto Scaling."""
        return cast("ApplicationAutoScalingClient", self.client("application-autoscaling"))

    @property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        """Elastic Load Balancing."""
        return cast("ElasticLoadBalancingv2Client", self.client("elbv2"))

    @property
    def ec2(self) -> EC2Client:
        """Amazon EC2: networks and security groups."""
        return cast("EC2Client", self.client("ec2"))

    @property
    def iam(self) -> IAMClient:
        """AWS IAM."""
        return cast("IAMClient", self.client("iam"))

    @property
    def sts(self) -> STSClient:
        """AWS STS: who am I."""
        return cast("STSClient", self.client("sts"))

    async def call(self, method: Callable[..., Any], /, **request: Any) -> dict[str, Any]:
        """Make one call of a client's method and return its answer, without its metadata.

        Throttled calls, and reads without a good answer, are tried again; a write without one is
        not: the caller reads what became of it. Raises ProviderUnavailable and ProviderRefused.
        """
        service, operation = _name(method)
        backoff = URGENT if is_urgent() else PATIENT
        failed = 0
        while True:
            try:
                async with self._lane.turn():
                    answer = await self._run(partial(method, **request))
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                failed += 1
                throttled = meaning(error) is Meaning.THROTTLED
                if failed >= backoff.most(throttled=throttled) or not _again(error, operation):
                    raise translate(error, f"{service} {operation}") from error
                pause_s = backoff.pause_s(failed)
                log.info("aws.again", extra={"call": f"{service} {operation}", "failed": failed})
                if throttled:
                    self._lane.hold_back(pause_s)
                await asyncio.sleep(pause_s)
            else:
                self._lane.went_well()
                answer.pop("ResponseMetadata", None)
                return cast("dict[str, Any]", answer)

    async def pages(
        self, method: Callable[..., Any], key: str, /, **request: Any
    ) -> list[dict[str, Any]]:
        """Return what all pages of a call hold under `key`; tokens as the operation names them."""
        found: list[Any] = []
        token: dict[str, Any] = {}
        while True:
            answer = await self.call(method, **request, **token)
            found.extend(answer.get(key, ()))
            name = next((name for name in _TOKENS if answer.get(name)), "")
            if not name:
                return found
            token = {_TOKENS[name]: answer[name]}

    async def _run(self, work: Callable[[], Any]) -> Any:
        """Do it in a thread; a cancelled caller waits until what was sent is through.

        A write that lands after its caller has gone would undo what a newer one wrote.
        """
        running = self._threads.submit(work)
        future = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise

    def _make(self, service: str) -> Any:
        try:
            self._session = self._session or session_of(self.identity)
            client: Any = self._session.client(cast("Any", service), config=_CONFIG)
        except (BotoCoreError, ValueError) as error:
            if isinstance(error, BotoCoreError):
                raise translate(error, f"{service} connect") from error
            raise ProviderRefused(PROVIDER, f"{service} connect", str(error)) from error

        def tell(moment: str, model: Any, **_: Any) -> None:
            for hook in self._hooks:
                hook(service, model.name, moment)

        client.meta.events.register("before-call.*", partial(tell, "sent"))
        client.meta.events.register("after-call.*", partial(tell, "answered"))
        client.meta.events.register("after-call.*", self._compare_clocks)
        return client

    def _compare_clocks(self, http_response: Any, **_: Any) -> None:
        with suppress(TypeError, ValueError):
            told = parsedate_to_datetime(http_response.headers.get("date"))
            self.behind_s = told.timestamp() - time.time()


class Accounts:
    """The accounts of one process; `hooks` hear of every request."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self._threads = Threads(WIDTH)
        self._accounts: dict[Identity, Account] = {}

    async def open(self, identity: Identity, *services: str) -> Account:
        """Return the account of an identity, ready for the clients of `services`, one or more."""
        account = self._accounts.setdefault(identity, Account(identity, self._threads, self.hooks))
        # Models are read from disk, which takes too long for the event loop.
        await asyncio.wrap_future(self._threads.submit(partial(account.prepare, *services)))
        return account

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()


def _name(method: Callable[..., Any]) -> tuple[str, str]:
    meta = cast("Any", method).__self__.meta
    names = meta.method_to_api_mapping
    return meta.service_model.service_name, names[method.__name__]


def _again(error: BaseException, operation: str) -> bool:
    found = meaning(error)
    if found is Meaning.THROTTLED:
        return True
    return found is Meaning.BROKEN and operation.startswith(_READS)
