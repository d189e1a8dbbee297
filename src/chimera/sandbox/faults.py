"""What is made to go wrong: rules that fit calls, tasks or the metrics agent."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chimera.core.errors import SpecError

CALL_FAULTS = ("throttle", "error", "latency", "lost-reply", "stale", "denied", "expired")
Kind = Literal[
    "throttle",
    "error",
    "latency",
    "lost-reply",
    "stale",
    "denied",
    "expired",
    "no-start",
    "unhealthy",
    "crash",
    "agent-absent",
    "agent-late",
    "balancer-absent",
    "balancer-late",
]
OfMetrics = Literal["agent-absent", "agent-late", "balancer-absent", "balancer-late"]


class Rule(BaseModel):
    """One fault and when it strikes.

    Of calls: `service` and `action` are patterns ("ecs", "Create*"), `nth` the number of the call
    among those that fit (from 1), `probability` a share of them, `times` how often at most.
    throttle; error (`status`); latency (`seconds`); lost-reply: done, but not answered;
    stale: a read sees the state of `seconds` ago; denied: AccessDenied; expired: credentials.

    Of tasks: `image` and `family` are patterns. no-start (`reason`, as ECS words it), unhealthy:
    its health check fails; crash: its process ends `seconds` after the start.

    Of metrics: agent-absent: the agent publishes nothing; agent-late: `seconds` late;
    balancer-absent and balancer-late: load balancers likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: Kind
    service: str = "*"
    action: str = "*"
    nth: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0)] = 1.0
    status: Annotated[int, Field(ge=400, le=599)] = 503
    reason: str = ""
    image: str = "*"
    family: str = "*"

    def fits_call(self, service: str, action: str) -> bool:
        """Tell whether this call is meant."""
        return (
            self.fault in CALL_FAULTS
            and fnmatchcase(service, self.service)
            and fnmatchcase(action, self.action)
        )

    def fits_task(self, image: str, family: str) -> bool:
        """Tell whether a task with this image and of this family is meant."""
        return fnmatchcase(image, f"*{self.image}") and fnmatchcase(family, self.family)


class Faults:
    """The rules in force. Draws are seeded: the same calls meet the same faults."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - practice faults, not secrets
        self._rules: list[Rule] = []
        self._met: dict[int, int] = {}
        self._struck: dict[int, int] = {}

    def set(self, rules: Sequence[Rule]) -> None:
        """Replace all rules; counting begins anew."""
        with self._lock:
            self._rules = list(rules)
            self._met.clear()
            self._struck.clear()

    def add(self, *rules: Rule) -> None:
        """Add rules to those in force."""
        with self._lock:
            self._rules.extend(rules)

    def remove(self, rule: Rule) -> None:
        """Take a rule away; one that is not in force is fine."""
        with self._lock:
            kept = [one for one in self._rules if one is not rule]
        self.set(kept)

    @property
    def rules(self) -> list[Rule]:
        """The rules in force."""
        with self._lock:
            return list(self._rules)

    def strike_call(self, service: str, action: str) -> list[Rule]:
        """Return the faults that this call meets, and count it."""
        with self._lock:
            fitting = [
                (place, rule)
                for place, rule in enumerate(self._rules)
                if rule.fits_call(service, action)
            ]
            return [rule for place, rule in fitting if self._strikes(place, rule)]

    def strike_task(self, fault: Kind, image: str, family: str) -> Rule | None:
        """Return the rule by which this task meets `fault`, None if it meets none."""
        with self._lock:
            for place, rule in enumerate(self._rules):
                meant = rule.fault == fault and rule.fits_task(image, family)
                if meant and self._strikes(place, rule):
                    return rule
        return None

    def of_metrics(self, fault: OfMetrics) -> Rule | None:
        """Return the rule about what publishes metrics, None if there is none."""
        with self._lock:
            return next((rule for rule in self._rules if rule.fault == fault), None)

    def has(self, fault: Kind) -> bool:
        """Tell whether any rule is of this kind."""
        with self._lock:
            return any(rule.fault == fault for rule in self._rules)

    def _strikes(self, place: int, rule: Rule) -> bool:
        met = self._met[place] = self._met.get(place, 0) + 1
        if rule.nth is not None and met != rule.nth:
            return False
        if rule.times is not None and self._struck.get(place, 0) >= rule.times:
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        self._struck[place] = self._struck.get(place, 0) + 1
        return True


def read_rules(data: Any) -> list[Rule]:
    """Read rules from what YAML or JSON held: a list, or one rule. Raises SpecError."""
    entries = data if isinstance(data, list) else [data]
    try:
        return [Rule.model_validate(entry) for entry in entries]
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc'])) or 'rule'}: {one['msg']}" for one in error.errors()
        ]
        raise SpecError("the fault rules are wrong", problems=problems) from error


def read_rule_file(path: Path) -> list[Rule]:
    """Read a rule file, YAML or JSON. Raises SpecError."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"cannot read fault rules from {path}: {error}") from error
    return read_rules(data or [])
