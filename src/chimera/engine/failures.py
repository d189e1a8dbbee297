"""Temporal's errors as ours, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError, RPCStatusCode

from chimera.core.errors import EngineError, RolloutNotFound

_SILENT = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
_REFUSED = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED}


def is_silence(error: BaseException) -> bool:
    """Whether nobody answered in time, which a worker that comes back will do."""
    return isinstance(error, RPCError) and error.status in _SILENT


def is_missing(error: BaseException) -> bool:
    """Whether Temporal has no running workflow of that id."""
    return (
        isinstance(error, RPCError)
        and error.status is RPCStatusCode.NOT_FOUND
        and not _lacks_namespace(error)
    )


def _lacks_namespace(error: RPCError) -> bool:
    return "amespace" in error.message


@contextmanager
def mapped(rollout: str = "", *, address: str = "") -> Iterator[None]:
    """Turn what Temporal's client raises inside the block into EngineError or RolloutNotFound."""
    try:
        yield
    except RPCError as error:
        raise _of_rpc(error, rollout, address) from error
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError) as error:
        raise EngineError(
            f"the engine cannot tell where rollout {rollout} stands: {error}",
            hint="its history may need another version of Chimera; look at the worker's log",
        ) from error


def _of_rpc(error: RPCError, rollout: str, address: str) -> Exception:
    if error.status is RPCStatusCode.NOT_FOUND:
        if _lacks_namespace(error):
            return EngineError(
                f"Temporal at {address} has no such namespace: {error.message}",
                hint="`temporal operator namespace create`, or set the namespace in the settings",
            )
        return RolloutNotFound(f"the engine knows no rollout {rollout}", hint="`chimera list`")
    if error.status in _REFUSED:
        return EngineError(
            f"Temporal at {address} refuses this client: {error.message}",
            hint="check the API key, the certificate and the namespace",
        )
    if error.status in _SILENT:
        return EngineError(
            "the engine did not answer in time", hint="is a worker running? `chimera up` starts one"
        )
    return unreachable(address, error.message)


def unreachable(address: str, reason: str) -> EngineError:
    """Return the error for a Temporal that is not there."""
    return EngineError(
        f"Temporal at {address} cannot be reached: {reason}",
        hint="start it with `chimera up`, or check CHIMERA_TEMPORAL_ADDRESS",
    )
