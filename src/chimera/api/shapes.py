"""What requests carry and what lists answer; the rest are the reports of `chimera.app.reports`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chimera.app.reports import Answer, LookView, PlanReport, RolloutView

_SPEC = """\
version: 1
service: logo
target: {platform: local, port: 8080, command: "python3 app.py {port}"}
strategy: balanced
errorRate: 1%
"""
_Text = Annotated[str, Field(max_length=1_000)]
_SERVICE = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
Platform = Literal["ecs-alb", "ecs-appmesh"]


class Body(BaseModel):
    """What a request carries; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Wanted(Body):
    """What is to be deployed: a spec, or a service whose last spec is used again."""

    spec: str = Field(
        default="",
        max_length=500_000,
        description="The spec as YAML. Values of `env` that are *** are those of the last spec.",
        examples=[_SPEC],
    )
    service: str = Field(default="", max_length=63, description="Instead of a spec.")
    version: str = Field(
        default="", max_length=255, description="The new version's name.", examples=["2"]
    )
    image: str = Field(default="", max_length=512, description="The new version's image.")


class PlanRequest(Wanted):
    """What a plan is asked for."""

    foresee: bool = Field(
        default=True, description="Also say what the plan can see; watches stable for a second."
    )
    rate: float | None = Field(
        default=None, gt=0, lt=1e9, description="Requests/s to reckon with, in place of watching."
    )


class DeployRequest(Wanted):
    """A rollout to start."""

    plan: PlanReport | None = Field(
        default=None, description="A plan as it was answered; refused if it no longer fits."
    )


class SpecText(Body):
    """A spec to check."""

    spec: str = Field(max_length=500_000, description="The spec as YAML.", examples=[_SPEC])


class SpecCheck(BaseModel):
    """Whether a spec can be used."""

    ok: bool
    problems: list[str] = Field(description="One line per mistake, with its line in the spec.")
    service: str = ""
    platform: str = ""
    notes: list[str] = Field(default=[], description="The defaults that apply.")


class Reason(Body):
    """Why something is asked of a rollout, for the record."""

    reason: _Text = Field(default="", examples=["support calls"])


class ReplayRequest(Body):
    """By which spec recorded looks are judged again; "" is the rollout's own."""

    spec: str = Field(default="", max_length=500_000)


class ListedRollout(BaseModel):
    """A rollout in a list: a RolloutView, without `full` lean.

    Lean it lacks spec, plan, settings, work, evidence and findings, which are long.
    """

    rollout: dict[str, Any]
    state: dict[str, Any]
    opened_at: datetime
    updated_at: datetime
    headline: str
    unattended: str
    engine: str = ""
    elsewhere: str = ""


class RolloutPage(BaseModel):
    """Rollouts, the newest first. next: `before` of the next page, null on the last."""

    items: list[ListedRollout]
    next: str | None


class LookPage(BaseModel):
    """Looks, the oldest first. next: `after` of the next page, null on the last."""

    items: list[LookView]
    next: int | None


class Retried(BaseModel):
    """A rollout that was started again, or the answer about a cleanup: one of the two."""

    rollout: RolloutView | None = None
    answer: Answer | None = None


class AuditCheck(BaseModel):
    """Whether the ledger's hash chain holds."""

    ok: bool
    detail: str


class GcRequest(Body):
    """dry_run: only say what there is."""

    dry_run: bool = False


class About(BaseModel):
    """This Chimera. controller: it runs, and rollouts go on."""

    version: str
    api: Literal["v1"] = "v1"
    controller: bool


class AwsIdentity(Body):
    """Where and as whom AWS is asked; "" is what Chimera finds by itself where it runs."""

    region: str = Field(default="", max_length=50, examples=["eu-west-1"])
    profile: str = Field(default="", max_length=200)
    role: str = Field(default="", max_length=2_048, description="To assume, an ARN.")
    external_id: str = Field(default="", max_length=1_224, description="That the role asks for.")


class FactsRequest(AwsIdentity):
    """A service on ECS. target: as `Found.settings` says it, or in a spec, without `platform`."""

    platform: Platform = "ecs-alb"
    target: dict[str, Any] = Field(examples=[{"cluster": "prod", "service": "checkout"}])
    name: str = Field(default="new", pattern=_SERVICE, description="Of the service in Chimera.")


class SetupRequest(AwsIdentity):
    """The one-time preparation of a cluster for ecs-appmesh."""

    cluster: str = Field(min_length=1, max_length=255, examples=["prod"])
    namespace: str = Field(default="", max_length=255, description="Of the metrics in CloudWatch.")
    image: str = Field(default="", max_length=512, description="Another CloudWatch agent.")
    remove: bool = Field(default=False, description="Undo it.")
    dry_run: bool = Field(default=False, description="Only say what would be done.")


class Me(BaseModel):
    """Who asks. roles: as `operator`, or `operator@checkout` for one service."""

    name: str
    kind: Literal["user", "token"]
    roles: list[str]


class User(BaseModel):
    """An account."""

    name: str
    roles: list[str]
    disabled: bool
    has_password: bool
    external: bool = Field(description="It signs in at the OIDC provider.")
    created_at: datetime


_Roles = Annotated[
    list[Annotated[str, Field(max_length=100)]],
    Field(
        max_length=200,
        description="viewer, operator or admin; operator@SERVICE for one service.",
        examples=[["operator@logo"]],
    ),
]


class NewUser(Body):
    """An account to add; without a password, let it sign in by a link."""

    name: str = Field(min_length=1, max_length=100, examples=["ada"])
    roles: _Roles
    password: SecretStr = Field(default=SecretStr(""), max_length=1_000)


class UserChange(Body):
    """What changes about an account; what is left out stays."""

    roles: _Roles | None = None
    disabled: bool | None = None
    password: SecretStr | None = Field(default=None, max_length=1_000)


class LinkRequest(Body):
    """hours: how long the link may wait; without it, half an hour."""

    hours: int | None = Field(default=None, ge=1, le=168)


class SignInLink(BaseModel):
    """A link that signs in once, shown this once."""

    url: str
    valid_minutes: int


class Token(BaseModel):
    """An API token, without its secret."""

    id: str
    name: str
    user: str
    roles: list[str]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked: bool


class NewToken(Body):
    """A token to make, with at most its owner's roles. user: whose; "" is one's own.

    roles: without them all that its owner has now.
    """

    name: str = Field(min_length=1, max_length=100, examples=["ci"])
    roles: _Roles | None = None
    days: int = Field(default=90, ge=1, le=366)
    user: str = Field(default="", max_length=100)


class MadeToken(BaseModel):
    """A new token. secret: what to send as `Authorization: Bearer`; shown this once."""

    token: Token
    secret: str


class TrailEntry(BaseModel):
    """One line of the audit trail."""

    n: int
    at: datetime
    who: str
    action: str
    target: str
    source: str
    outcome: str
    detail: str
