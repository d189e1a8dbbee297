"""What discovery finds, each thing with the reason when it cannot be used. Data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chimera.core.model import Revision, Service, Tally
from chimera.ports.platform import Check

# Among the facts of a service in a mesh: why the agent cannot read its Envoy.
UNREAD = "not read by the agent"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found.

    why: the reason why it cannot be used, "" if it can; hint: what to do then. settings: what a
    spec's target says to use it, where it is an ECS service. facts: what else there is to know.
    """

    kind: str
    name: str
    inside: str = ""
    why: str = ""
    hint: str = ""
    region: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether it can be used."""
        return not self.why

    @property
    def reason(self) -> str:
        """Why it cannot be used, and what to do; "" if it can."""
        return f"{self.why}; {self.hint}" if self.why and self.hint else self.why

    def __str__(self) -> str:
        place = f" in {self.inside}" if self.inside else ""
        return f"{self.kind} {self.name}{place}" + (f": no, {self.reason}" if self.why else "")


@dataclass(frozen=True, slots=True)
class ImageTag:
    """One tag in a repository. digest: "sha256:...", what the tag stands for now; pinned: by it.

    pushed_at: ISO 8601, "" if the registry does not say. runs: it is what the service runs now.
    """

    tag: str
    image: str
    digest: str
    pinned: str
    pushed_at: str = ""
    runs: bool = False


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a version met lately. newest: the end of the newest period that has a number."""

    tally: Tally
    span: timedelta
    newest: datetime

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.tally.requests / self.span.total_seconds()

    @property
    def error_rate(self) -> float:
        """The share of failed requests, 0 to 1; 0 without requests."""
        return self.tally.errors / self.tally.requests if self.tally.requests else 0.0


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """One service before a rollout. stable: what runs now, None before the very first version.

    image: what its tasks run. traffic: None if it cannot be told. checks: what must be right
    before a rollout, each with what to do if it is not.
    """

    service: Service
    stable: Revision | None
    image: str
    tasks: int
    running: int
    traffic: Traffic | None
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether a rollout could start."""
        return all(check.ok for check in self.checks)


@dataclass(frozen=True, slots=True)
class Prospects:
    """What AWS can be used with here. own: there are credentials without naming a profile.

    profiles: of the AWS configuration. regions: to choose from. region: the one that is set up, ""
    if none. why_not: why AWS cannot be used at all, "" if it may work.
    """

    profiles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    region: str = ""
    own: bool = True
    why_not: str = ""
