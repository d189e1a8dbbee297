"""Asking the engine: start a rollout, request something of it, see where it stands."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.converter import DataConverter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, TLSConfig

from chimera.core.errors import EngineError
from chimera.core.events import AnyRequest
from chimera.core.plan import Rollout
from chimera.core.state import State
from chimera.engine.failures import is_missing, is_silence, mapped, unreachable
from chimera.engine.folder import Folder
from chimera.engine.messages import CONVERTER, Answer, Ask, Start
from chimera.engine.seal import Seal
from chimera.engine.settings import EngineSettings
from chimera.engine.workflow import WORKFLOW, RolloutWorkflow

RPC_TIMEOUT = timedelta(seconds=10)
# A worker that dies with a decision in hand holds up the rollout for this long; ten by default.
TASK_TIMEOUT = timedelta(seconds=5)
UNANSWERED = Answer("recorded; it is carried out as soon as a worker is back")


class EngineClient:
    """One connection to Temporal; every error of it is an EngineError or a RolloutNotFound."""

    def __init__(self, temporal: Client, settings: EngineSettings, address: str = "") -> None:
        self.temporal = temporal
        self.settings = settings
        self.address = address or settings.address
        self._pace = asyncio.Lock()

    @classmethod
    async def connect(cls, settings: EngineSettings, address: str = "") -> EngineClient:
        """Connect to `address`, or to the one in the settings."""
        address = address or settings.address
        key = settings.api_key
        try:
            async with asyncio.timeout(settings.start_timeout_s):
                temporal = await Client.connect(
                    address,
                    namespace=settings.namespace,
                    api_key=key.get_secret_value() if key else None,
                    tls=_tls(settings),
                    data_converter=_converter(settings),
                )
        except TimeoutError as error:
            reason = f"no answer within {settings.start_timeout_s:g} s"
            raise unreachable(address, reason) from error
        except (RuntimeError, ValueError) as error:  # what the SDK raises, also for a bad address
            raise unreachable(address, str(error)) from error
        return cls(temporal, settings, address)

    async def start(self, rollout: Rollout) -> None:
        """Start a rollout; one of this id that runs or ran already is left as it is."""
        async with self._pace:
            with mapped(rollout.id, address=self.address):
                try:
                    await self.temporal.start_workflow(
                        WORKFLOW,
                        Start(
                            rollout=rollout,
                            heartbeat=self.settings.heartbeat,
                            watch_heartbeat=self.settings.watch_heartbeat,
                        ),
                        id=rollout.id,
                        task_queue=self.settings.task_queue,
                        task_timeout=TASK_TIMEOUT,
                        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                        static_summary=f"{rollout.service.name}: {rollout.canary.name}",
                        rpc_timeout=RPC_TIMEOUT,
                    )
                except WorkflowAlreadyStartedError:
                    return
            await asyncio.sleep(1 / self.settings.starts_per_s)

    async def request(self, rollout_id: str, request: AnyRequest) -> Answer:
        """Ask something of a rollout and return its answer; RolloutNotFound if there is none.

        Once recorded it is never lost: without a worker it is carried out later, and the answer
        says so. The same request id asked again gets the same answer.
        """
        if not request.request:
            request = replace(request, request=uuid.uuid4().hex)
        handle = self.temporal.get_workflow_handle_for(RolloutWorkflow.run, rollout_id)
        with mapped(rollout_id, address=self.address):
            try:
                await handle.signal("request", Ask(request), rpc_timeout=RPC_TIMEOUT)
            except RPCError as error:
                if not is_missing(error):
                    raise
                return await self._answer_of_the_past(handle, request)
            return await self._answer(handle, request)

    async def _answer(
        self, handle: WorkflowHandle[RolloutWorkflow, State], request: AnyRequest
    ) -> Answer:
        until = asyncio.get_running_loop().time() + self.settings.answer_timeout_s
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                answer = await handle.query(
                    RolloutWorkflow.answer,
                    request.request,
                    rpc_timeout=timedelta(seconds=max(left, 0.05)),
                )
            except RPCError as error:
                if not is_silence(error):
                    raise
                break
            if answer is not None:
                return answer
            await asyncio.sleep(0.02)
        return UNANSWERED

    async def _answer_of_the_past(
        self, handle: WorkflowHandle[RolloutWorkflow, State], request: AnyRequest
    ) -> Answer:
        """Answer for a rollout that is over: what it said before, or that it is too late."""
        description = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        timeout = timedelta(seconds=self.settings.answer_timeout_s)
        try:
            said = await handle.query(RolloutWorkflow.answer, request.request, rpc_timeout=timeout)
            state = await handle.query(RolloutWorkflow.state, rpc_timeout=timeout)
        except (RPCError, WorkflowQueryFailedError):  # nobody can tell any more what it said
            closed = description.close_time
            return Answer(f"the rollout is over since {closed:%Y-%m-%d %H:%M:%S %Z}", refused=True)
        return said or Answer(f"the rollout is over: {state.phase.words}", refused=True)

    async def runs(self, rollout_id: str) -> bool:
        """Whether Temporal has this rollout and it is not over."""
        handle = self.temporal.get_workflow_handle(rollout_id)
        with mapped(rollout_id, address=self.address):
            try:
                description = await handle.describe(rpc_timeout=RPC_TIMEOUT)
            except RPCError as error:
                if not is_missing(error):
                    raise
                return False
        return description.status is WorkflowExecutionStatus.RUNNING

    async def state(self, rollout_id: str) -> State:
        """Return where a rollout stands; EngineError when no worker answers."""
        handle = self.temporal.get_workflow_handle_for(RolloutWorkflow.run, rollout_id)
        with mapped(rollout_id, address=self.address):
            return await handle.query(
                RolloutWorkflow.state,
                rpc_timeout=timedelta(seconds=self.settings.answer_timeout_s),
            )

    async def result(self, rollout_id: str) -> State:
        """Wait until a rollout is over and recorded, and return its last state."""
        handle = self.temporal.get_workflow_handle_for(RolloutWorkflow.run, rollout_id)
        with mapped(rollout_id, address=self.address):
            return await handle.result()

    async def alive(self) -> bool:
        """Whether the server answers now."""
        try:
            return await self.temporal.service_client.check_health(timeout=timedelta(seconds=2))
        except RPCError:
            return False


def _converter(settings: EngineSettings) -> DataConverter:
    """Seal what goes through the embedded server; a cluster has its own ways to keep others out."""
    try:
        key = Folder(settings.folder).key.read_bytes() if settings.embedded else b""
    except FileNotFoundError:
        key = b""
    return replace(CONVERTER, payload_codec=Seal(key)) if key else CONVERTER


def _tls(settings: EngineSettings) -> TLSConfig | bool:
    if settings.tls_ca is None and settings.tls_cert is None:
        return settings.tls or settings.api_key is not None
    try:
        return TLSConfig(
            server_root_ca_cert=settings.tls_ca.read_bytes() if settings.tls_ca else None,
            client_cert=settings.tls_cert.read_bytes() if settings.tls_cert else None,
            client_private_key=settings.tls_key.read_bytes() if settings.tls_key else None,
        )
    except OSError as error:
        raise EngineError(
            f"cannot read a certificate for Temporal: {error}",
            hint="check tls_ca, tls_cert and tls_key in the settings",
        ) from error
