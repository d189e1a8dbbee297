"""What can happen to a rollout: the inputs of the state machine, and the lines of its history.

A *result* answers an effect and carries that effect's generation: once another effect was issued,
it comes too late and changes nothing; only an unhealthy verdict is never too late. A *request*
comes from a person. `at` is aware UTC time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from chimera.core.model import Judgement, Resource, check_time, check_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    at: datetime

    def __post_init__(self) -> None:
        check_time(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result(_Event):
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request(_Event):
    """by: who asked; reason: in their words; request: an id, so that a repeat is recognised.

    role: what they are on this service, "" for the owner of the data folder.
    """

    by: str = ""
    reason: str = ""
    request: str = ""
    role: Literal["", "viewer", "operator", "admin"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(_Event):
    """The rollout was accepted."""

    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReached(_Event):
    """The moment that `State.wake_at` asked for has come."""

    kind: Literal["time_reached"] = "time_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(_Result):
    """The canary runs beside stable and all its replicas answer."""

    kind: Literal["prepared"] = "prepared"
    resources: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted(_Result):
    """The weight was set and read back."""

    kind: Literal["shifted"] = "shifted"
    weight: int

    def __post_init__(self) -> None:
        check_time(self.at)
        check_weight(self.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(_Result):
    """A watch ended with a verdict. evidence: the judge's memory for the next watch, opaque."""

    kind: Literal["judged"] = "judged"
    judgement: Judgement
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseExpired(_Result):
    """The dead-man's switch had returned all traffic to stable when the routes were read."""

    kind: Literal["lease_expired"] = "lease_expired"
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEdit(_Result):
    """Somebody else changed the routes: what was expected and what was found, in words."""

    kind: Literal["foreign_edit"] = "foreign_edit"
    expected: str
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Result):
    """An effect cannot be carried out, for good."""

    kind: Literal["failed"] = "failed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed(_Result):
    """The new version is the stable one: the durable routes name it alone.

    requests, errors: what the canary's users met until now. unknown: why it may be more, or "".
    """

    kind: Literal["committed"] = "committed"
    requests: int = 0
    errors: int = 0
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(_Result):
    """All traffic is on stable, read back.

    requests, errors: what the canary's users met. unknown: why it may be more, or "".
    """

    kind: Literal["restored"] = "restored"
    requests: int = 0
    errors: int = 0
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(_Result):
    """The version that lost is gone; `left` is what could not be removed, with `reason`.

    cut: how many requests were still in flight on it when the drain's time was over.
    """

    kind: Literal["removed"] = "removed"
    removed: tuple[Resource, ...] = ()
    left: tuple[Resource, ...] = ()
    reason: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequested(_Request):
    """Hold the weight where it is; watching goes on."""

    kind: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRequested(_Request):
    """Go on from a pause."""

    kind: Literal["resume"] = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveRequested(_Request):
    """Open an approval gate."""

    kind: Literal["approve"] = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteRequested(_Request):
    """Skip the remaining steps or waits; the last healthy interval at 100 % is never skipped."""

    kind: Literal["promote"] = "promote"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRequested(_Request):
    """Return all traffic to stable now."""

    kind: Literal["abort"] = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertRequested(_Request):
    """After the promotion, while the old version is warm: return all traffic to it now."""

    kind: Literal["revert"] = "revert"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequested(_Request):
    """Try an incomplete cleanup again now."""

    kind: Literal["retry"] = "retry"


AnyResult = (
    Prepared
    | Shifted
    | Judged
    | LeaseExpired
    | ForeignEdit
    | Failed
    | Committed
    | Restored
    | Removed
)
AnyRequest = (
    PauseRequested
    | ResumeRequested
    | ApproveRequested
    | PromoteRequested
    | AbortRequested
    | RevertRequested
    | RetryRequested
)
AnyEvent = Started | TimeReached | AnyResult | AnyRequest

Result = Annotated[AnyResult, Field(discriminator="kind")]
Request = Annotated[AnyRequest, Field(discriminator="kind")]
Event = Annotated[AnyEvent, Field(discriminator="kind")]
